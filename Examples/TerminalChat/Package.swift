// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "TerminalChat",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "parley", path: "../..")],
    targets: [
        .executableTarget(
            name: "TerminalChat",
            dependencies: [.product(name: "ParleyClient", package: "parley")],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
