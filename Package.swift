// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "skald",
    products: [
        .executable(name: "skald", targets: ["skald"]),
        .library(name: "SagaParticipant", targets: ["SagaParticipant", "SagaCore", "SagaBus", "RabbitMQBus"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.2.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // The core: values, definition, machine. Nothing but the standard library.
        .target(name: "SagaCore"),
        .target(name: "SagaYAML", dependencies: ["SagaCore", .product(name: "Yams", package: "Yams")]),

        // Messages: the contract, the embedded bus, RabbitMQ.
        .target(name: "SagaBus", dependencies: ["SagaCore"]),
        .systemLibrary(
            name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
        .target(
            name: "RabbitMQBus",
            dependencies: ["SagaCore", "SagaBus", "CRabbitMQ", .product(name: "Logging", package: "swift-log")]),

        // Files that survive a power cut, for orchestrator and participants alike.
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .target(
            name: "DurableSQLite",
            dependencies: [
                "SagaCore", "CSQLite", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),

        // The orchestrator.
        .target(
            name: "SagaStore",
            dependencies: ["SagaCore", "DurableSQLite", .product(name: "GRDB", package: "GRDB.swift")]),
        .target(
            name: "SagaEngine",
            dependencies: [
                "SagaCore", "SagaBus", "SagaStore", "DurableSQLite",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),

        // The participants' side, and the order services built on it.
        .target(
            name: "SagaParticipant",
            dependencies: [
                "SagaCore", "SagaBus", "DurableSQLite",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .target(
            name: "OrderServices",
            dependencies: [
                "SagaCore", "SagaBus", "SagaParticipant", "DurableSQLite",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ]),

        // All of it in one process, in virtual time, while everything goes wrong that can.
        .target(
            name: "SagaSimulator",
            dependencies: [
                "SagaCore", "SagaBus", "DurableSQLite", "SagaStore", "SagaEngine", "SagaParticipant", "OrderServices",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),

        .executableTarget(
            name: "skald",
            dependencies: [
                "SagaCore", "SagaYAML", "SagaBus", "RabbitMQBus", "DurableSQLite", "SagaStore", "SagaEngine",
                "SagaParticipant", "OrderServices", "SagaSimulator",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),

        // Each names all that it imports: a change of what is not named does not build it anew.
        .testTarget(name: "SagaCoreTests", dependencies: ["SagaCore"], exclude: ["Histories/Fixtures"]),
        .testTarget(
            name: "SagaYAMLTests", dependencies: ["SagaCore", "SagaYAML", .product(name: "Yams", package: "Yams")]),
        .target(name: "BusConformance", dependencies: ["SagaBus"], path: "Tests/BusConformance"),
        .testTarget(name: "SagaBusTests", dependencies: ["SagaCore", "SagaBus", "BusConformance"]),
        .testTarget(name: "RabbitMQBusTests", dependencies: ["SagaBus", "CRabbitMQ", "RabbitMQBus"]),
        .testTarget(
            name: "SagaStoreTests",
            dependencies: [
                "SagaCore", "SagaBus", "SagaStore", "DurableSQLite", .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .target(name: "BadMessages", dependencies: ["SagaBus"], path: "Tests/BadMessages"),
        .testTarget(
            name: "SagaEngineTests",
            dependencies: [
                "BadMessages", "SagaCore", "SagaYAML", "SagaBus", "DurableSQLite", "SagaStore", "SagaEngine",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "SagaParticipantTests",
            dependencies: [
                "BadMessages", "SagaCore", "SagaBus", "DurableSQLite", "SagaParticipant",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(
            name: "OrderServicesTests",
            dependencies: [
                "SagaCore", "SagaBus", "DurableSQLite", "SagaParticipant", "OrderServices",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(
            name: "SkaldTests",
            dependencies: [
                "skald", "SagaCore", "SagaYAML", "SagaBus", "SagaStore", "SagaEngine",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "SagaCore", "SagaYAML", "SagaBus", "DurableSQLite", "SagaStore", "SagaEngine", "SagaParticipant",
                "OrderServices", "SagaSimulator",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "skald", "SagaCore", "SagaYAML", "SagaBus", "RabbitMQBus", "BusConformance", "SagaStore", "SagaEngine",
                "OrderServices", .product(name: "GRDB", package: "GRDB.swift"),
            ]),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
    ]
}
