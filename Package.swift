// swift-tools-version: 6.1
import PackageDescription

// One settings array for every target of ours: the checks that keep the map in ARCHITECTURE.md true.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let atomics = Target.Dependency.product(name: "Atomics", package: "swift-atomics")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let nioExtras = Target.Dependency.product(name: "NIOExtras", package: "swift-nio-extras")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let swiftASN1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

let package = Package(
    name: "parley",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "parley", targets: ["parley"]),
        .library(name: "ParleyClient", targets: ["ParleyClient", "ParleyModel"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        .target(name: "ParleyModel", swiftSettings: settings),
        .target(name: "ParleyCore", dependencies: ["ParleyModel", logging, metrics, serviceLifecycle], swiftSettings: settings),
        .target(
            name: "ParleyAPI",
            dependencies: [
                "ParleyCore", "ParleyModel", configuration, crypto, httpTypes, hummingbird, jwtKit, logging, metrics, nioCore,
            ],
            resources: [.embedInCode("Web")],
            swiftSettings: settings
        ),
        .target(
            name: "ParleyGateway",
            dependencies: [
                "ParleyCore", "ParleyModel", hummingbird, hummingbirdCore, logging, metrics, nioCore, nioExtras, nioHTTP1, nioHTTPTypes,
                nioHTTPTypesHTTP1,
                nioWebSocket, serviceLifecycle,
            ],
            swiftSettings: settings
        ),
        .target(name: "ParleyStores", dependencies: ["ParleyCore", "ParleyModel", grdb, logging, metrics], swiftSettings: settings),
        .target(
            name: "ParleyPush", dependencies: ["ParleyCore", "ParleyModel", logging, metrics, serviceLifecycle], swiftSettings: settings),
        .target(
            name: "ParleyPushServices",
            dependencies: [
                "ParleyCore", "ParleyModel", "ParleyPush", asyncHTTPClient, crypto, jwtKit, nioCore, nioHTTP1, nioHTTP2, nioPosix, nioSSL,
                serviceLifecycle,
            ],
            swiftSettings: settings
        ),
        // For tests and the bench: what plays Apple's and Google's servers there is no part of the server.
        .target(
            name: "ParleyPushStandIns",
            dependencies: [
                "ParleyCore", "ParleyModel", crypto, cryptoExtras, nioCore, nioHPACK, nioHTTP2, nioPosix, nioSSL, swiftASN1, x509,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ParleyWebPush",
            dependencies: [
                "ParleyCore", "ParleyModel", "ParleyPush", asyncHTTPClient, crypto, logging, nioCore, nioHTTP1, nioPosix, nioSSL,
                serviceLifecycle,
            ],
            swiftSettings: settings),
        // A push service for tests and the bench, as strict as the real ones; apart from the others, as it needs Web Push's encryption.
        .target(
            name: "ParleyWebPushStandIn",
            dependencies: ["ParleyCore", "ParleyModel", "ParleyWebPush", crypto, nioCore, nioHTTP1, nioPosix],
            swiftSettings: settings),
        .target(
            name: "ParleyClient",
            dependencies: ["ParleyModel", asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioSSL, nioWebSocket],
            swiftSettings: settings
        ),
        .target(name: "CSpawn"),
        .target(name: "ParleyProcesses", dependencies: ["CSpawn"], swiftSettings: settings),
        .target(
            name: "ParleyBench",
            dependencies: ["ParleyCore", "ParleyModel", "ParleyProcesses", "ParleyPush", logging, nioCore, nioPosix, unixSignals],
            swiftSettings: settings),
        .target(
            name: "ParleyBenchEngines",
            dependencies: [
                "ParleyBench", "ParleyCore", "ParleyEngines", "ParleyModel", "ParleyMongo", "ParleyPostgres", "ParleyRabbitMQ",
                "ParleyRedis",
                httpTypes, hummingbird, logging, nioCore, unixSignals,
            ],
            swiftSettings: settings),
        // For tests and `make fuzz`: it looks inside the gateway, so it is built for debugging only.
        .target(
            name: "ParleyFuzz", dependencies: ["ParleyCore", "ParleyGateway", "ParleyModel", nioCore, nioEmbedded, nioWebSocket],
            swiftSettings: settings),
        .target(name: "ParleyEngines", dependencies: ["ParleyCore"], swiftSettings: settings),
        .systemLibrary(name: "CMongoC", pkgConfig: "libmongoc-1.0", providers: [.apt(["libmongoc-dev"]), .brew(["mongo-c-driver@1"])]),
        .target(
            name: "ParleyMongo", dependencies: ["CMongoC", "ParleyCore", "ParleyEngines", "ParleyModel", logging], swiftSettings: settings),
        // Without its pkg-config file, whose -D_FILE_OFFSET_BITS=64 the package manager warns of in every build.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
        .target(
            name: "ParleyRedis", dependencies: ["CHiredis", "ParleyCore", "ParleyEngines", "ParleyModel", logging, metrics],
            swiftSettings: settings),
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .target(
            name: "ParleyPostgres", dependencies: ["CLibPQ", "ParleyCore", "ParleyEngines", "ParleyModel", logging],
            swiftSettings: settings),
        .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"]), .brew(["rabbitmq-c"])]),
        .target(
            name: "ParleyRabbitMQ", dependencies: ["CRabbitMQ", "ParleyCore", "ParleyEngines", "ParleyModel", logging],
            swiftSettings: settings),
        .target(
            name: "ParleyCopy",
            dependencies: [
                "ParleyCore", "ParleyEngines", "ParleyModel", "ParleyMongo", "ParleyPostgres", "ParleyRabbitMQ", "ParleyStores", logging,
            ],
            swiftSettings: settings),
        .target(
            name: "ParleyCluster", dependencies: ["ParleyCore", "ParleyEngines", "ParleyModel", "ParleyMongo", "ParleyPostgres"],
            swiftSettings: settings),
        .target(
            name: "ParleyTesting", dependencies: ["ParleyCore", "ParleyEngines", "ParleyModel", "ParleyProcesses", logging],
            swiftSettings: settings),
        // Apart from ParleyTesting, so that a change of an adapter builds the tests of the engines again, and no others.
        .target(
            name: "ParleyEngineTesting",
            dependencies: ["CLibPQ", "CMongoC", "ParleyEngines", "ParleyMongo", "ParleyPostgres", "ParleyProcesses", "ParleyTesting"],
            swiftSettings: settings),
        .executableTarget(
            name: "parley",
            dependencies: [
                "ParleyAPI", "ParleyBench", "ParleyBenchEngines", "ParleyCluster", "ParleyCopy", "ParleyCore", "ParleyEngines",
                "ParleyGateway", "ParleyModel", "ParleyMongo", "ParleyPostgres", "ParleyPush", "ParleyPushServices", "ParleyPushStandIns",
                "ParleyRabbitMQ", "ParleyRedis", "ParleyStores", "ParleyWebPush", "ParleyWebPushStandIn", argumentParser, configuration,
                hummingbird, hummingbirdCore, logging, metrics, nioCore, nioPosix, nioHTTP1, serviceLifecycle, unixSignals,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyModelTests", dependencies: ["ParleyModel", "ParleyTesting"], exclude: ["Fixtures"], swiftSettings: settings),
        .testTarget(
            name: "ParleyCoreTests", dependencies: ["ParleyCore", "ParleyModel", "ParleyTesting", logging], swiftSettings: settings),
        .testTarget(
            name: "ParleyStoresTests", dependencies: ["ParleyCore", "ParleyModel", "ParleyStores", "ParleyTesting", grdb, logging],
            swiftSettings: settings),
        .testTarget(
            name: "ParleyGatewayTests",
            dependencies: [
                "ParleyClient", "ParleyCore", "ParleyFuzz", "ParleyGateway", "ParleyModel", "ParleyTesting", logging, nioCore, nioEmbedded,
                nioPosix, nioWebSocket,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ParleyAPITests",
            dependencies: [
                "ParleyAPI", "ParleyCore", "ParleyModel", "ParleyTesting", crypto, cryptoExtras, httpTypes, hummingbird, jwtKit, logging,
                metrics, nioCore, nioEmbedded,
            ],
            swiftSettings: settings
        ),
        .testTarget(name: "ParleyEnginesTests", dependencies: ["ParleyCore", "ParleyEngines"], swiftSettings: settings),
        .testTarget(
            name: "ParleyMongoTests",
            dependencies: ["ParleyCore", "ParleyEngineTesting", "ParleyEngines", "ParleyModel", "ParleyMongo", "ParleyTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "ParleyRedisTests",
            dependencies: ["ParleyCore", "ParleyEngines", "ParleyModel", "ParleyProcesses", "ParleyRedis", "ParleyTesting", logging],
            swiftSettings: settings),
        .testTarget(
            name: "ParleyPostgresTests",
            dependencies: [
                "ParleyCore", "ParleyEngines", "ParleyEngineTesting", "ParleyModel", "ParleyPostgres", "ParleyTesting", logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ParleyClusterTests",
            dependencies: [
                "ParleyCluster", "ParleyCore", "ParleyEngineTesting", "ParleyEngines", "ParleyModel", "ParleyMongo", "ParleyPostgres",
                "ParleyTesting",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ParleyRabbitMQTests",
            dependencies: ["CRabbitMQ", "ParleyCore", "ParleyEngines", "ParleyModel", "ParleyRabbitMQ", "ParleyTesting", logging],
            swiftSettings: settings),
        .testTarget(
            name: "ParleyCopyTests",
            dependencies: [
                "ParleyCopy", "ParleyCore", "ParleyEngineTesting", "ParleyEngines", "ParleyModel", "ParleyMongo", "ParleyPostgres",
                "ParleyRabbitMQ", "ParleyStores", "ParleyTesting", logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ParleyCommandTests",
            dependencies: [
                "parley", "ParleyCore", "ParleyEngines", "ParleyModel", "ParleyPush", "ParleyPushStandIns", "ParleyWebPush", logging,
                nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "ParleyPushTests", dependencies: ["ParleyPush", "ParleyCore", "ParleyModel", "ParleyTesting", logging],
            swiftSettings: settings),
        .testTarget(
            name: "ParleyPushServicesTests",
            dependencies: [
                "ParleyCore", "ParleyModel", "ParleyPush", "ParleyPushServices", "ParleyPushStandIns", "ParleyTesting", asyncHTTPClient,
                crypto, nioCore, nioHTTP1, nioPosix,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ParleyWebPushTests",
            dependencies: [
                "ParleyCore", "ParleyModel", "ParleyPush", "ParleyWebPush", "ParleyWebPushStandIn", asyncHTTPClient, crypto, logging,
                nioHTTP1,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ParleyClientTests",
            dependencies: [
                "ParleyClient", "ParleyModel", "ParleyProcesses", "ParleyTesting", nioCore, nioEmbedded, nioHTTP1, nioPosix, nioSSL,
                nioWebSocket,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: ["parley", "ParleyAPI", "ParleyClient", "ParleyCore", "ParleyModel", "ParleyTesting", logging, serviceLifecycle],
            swiftSettings: settings),
        .testTarget(name: "ParleyProcessesTests", dependencies: ["ParleyProcesses"], swiftSettings: settings),
        .testTarget(
            name: "ParleyBenchTests", dependencies: ["ParleyBench", "ParleyModel", "ParleyPush", nioCore, nioPosix], swiftSettings: settings
        ),
    ]
)

// libFuzzer counts the branches that an input takes, in whatever was compiled for it: `make fuzz` asks for it.
if Context.environment["PARLEY_FUZZ"] != nil {
    let fuzzed: [SwiftSetting] = [.unsafeFlags(["-sanitize=fuzzer"])]
    for target in package.targets where ["ParleyModel", "ParleyGateway", "ParleyFuzz"].contains(target.name) {
        target.swiftSettings = (target.swiftSettings ?? []) + fuzzed
    }
    package.targets.append(
        .executableTarget(
            name: "parley-fuzz", dependencies: ["ParleyFuzz"], swiftSettings: settings + fuzzed + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]))
}

// The example is a package of its own, for others to copy. Its tests build it along with everything else, which is a build of
// everything less.
if Context.environment["TEST_PARLEY_EXAMPLES"] != nil {
    package.targets.append(
        .executableTarget(
            name: "TerminalChat", dependencies: ["ParleyClient", "ParleyModel"], path: "Examples/TerminalChat/Sources/TerminalChat",
            swiftSettings: settings))
}
