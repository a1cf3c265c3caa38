import SagaCore
import SagaStore

extension ChaosReport {
    var json: JSONValue {
        func number(_ value: some BinaryInteger) -> JSONValue { .number(JSONNumber(Int64(value))) }
        var statuses = JSONObject()
        for status in SagaStatus.allCases {
            statuses[status.rawValue] = number(sagas.count { $0.status == status })
        }
        let faults: [JSONValue] = entries.map { entry in
            [
                "fault": .string(entry.kind.rawValue), "target": .string(entry.target.rawValue),
                "began": number(entry.began), "ended": number(entry.ended), "kills": number(entry.kills),
                "text": .string(entry.text),
            ]
        }
        let breaches: [JSONValue] = violations.map { violation in
            [
                "rule": .string(violation.rule), "text": .string(violation.text),
                "sagas": .array(
                    violation.sagas.map { saga in
                        [
                            "id": .string(saga.description),
                            "history": .array((histories[saga] ?? []).map { .string($0) }),
                        ]
                    }),
            ]
        }
        return .object([
            "seed": number(scenario.seed & UInt64(Int64.max)), "began": .string(epoch.iso8601),
            "fedMilliseconds": number(fed - began), "restMilliseconds": number(rested - fed),
            "sagas": number(sagas.count), "statuses": .object(statuses), "asked": number(tally.asked),
            "repeats": number(tally.repeats), "conflicts": number(tally.conflicts), "kills": number(kills),
            "pastsCompared": number(pasts), "faults": .array(faults), "notes": .array(notes.map { .string($0) }),
            "violations": .array(breaches), "books": .object(books.json), "dataDirectory": .string(directory),
        ])
    }
}
