import Sockets

guard let options = Options(Array(CommandLine.arguments.dropFirst())) else {
    usage("bench-load closed|rate|streams --port N [--name value]…; see Options.swift")
}
Load(options).run()
