import Sockets

guard CommandLine.arguments.count == 2, let port = UInt16(CommandLine.arguments[1]), let server = Server(port: port)
else { usage("bench-upstream PORT (a free one)") }
server.run()
