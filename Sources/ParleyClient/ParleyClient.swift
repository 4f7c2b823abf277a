import AsyncHTTPClient
import NIOSSL
import NIOWebSocket
import ParleyModel
