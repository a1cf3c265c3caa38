import Glibc
import SagaCore
import Testing

@Suite("saga.schema.json and the reader know the same keys")
struct SchemaTests {
    private let schema: JSONValue

    init() throws {
        let file = try #require(fopen(Repository.path("sagas/saga.schema.json"), "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        let count = fread(&bytes, 1, bytes.count, file)
        schema = try JSONValue.parse(Array(bytes[..<count]))
    }

    @Test func keysOfEachMapping() throws {
        #expect(keys(schema) == DefinitionKeys.saga)
        #expect(keys(schema["properties"]?["events"]) == DefinitionKeys.events)
        #expect(keys(schema["$defs"]?["step"]) == DefinitionKeys.step)
        #expect(keys(schema["$defs"]?["retry"]) == DefinitionKeys.retry)
    }

    @Test func choices() throws {
        let step = try #require(schema["$defs"]?["step"]?["properties"])
        let retry = try #require(schema["$defs"]?["retry"]?["properties"])
        #expect(step["kind"]?["enum"]?.array?.map(\.string) == StepKind.allCases.map(\.rawValue))
        #expect(retry["jitter"]?["enum"]?.array?.map(\.string) == RetryPolicy.Jitter.allCases.map(\.rawValue))
    }

    @Test func defaultsAndBounds() throws {
        let step = try #require(schema["$defs"]?["step"]?["properties"])
        let retry = try #require(schema["$defs"]?["retry"]?["properties"])
        func milliseconds(_ value: JSONValue?) -> Int64? { value?["default"]?.string.flatMap(DurationText.parse) }
        #expect(milliseconds(step["timeout"]) == StepDefinition.defaultTimeoutMilliseconds)
        #expect(milliseconds(retry["backoff"]) == RetryPolicy.defaultBackoffMilliseconds)
        #expect(milliseconds(retry["for"]) == RetryPolicy.defaultDurationMilliseconds)
        #expect(retry["attempts"]?["default"]?.int64 == Int64(RetryPolicy.defaultAttempts))
        #expect(schema["properties"]?["steps"]?["maxItems"]?.int64 == Int64(StepSet.capacity))
        let events = try #require(schema["properties"]?["events"]?["properties"])
        #expect(events["stuck"]?["default"]?.string == EventTypes().stuck)
        #expect(events["abandoned"]?["default"]?.string == EventTypes().abandoned)
    }

    private func keys(_ schema: JSONValue?) -> [String]? {
        schema?["properties"]?.object?.keys
    }
}
