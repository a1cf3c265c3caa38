import SagaCore
import Testing

@Suite struct SHA256Tests {
    /// The examples of NIST (FIPS 180-4 and the example values of its cryptographic toolkit).
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
    ])
    func nist(text: String, expected: String) {
        #expect(SHA256.hex(Array(text.utf8)) == expected)
    }

    /// Lengths around the block and padding edges; checked against OpenSSL.
    @Test(arguments: [
        (3, "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc"),
        (55, "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59"),
        (56, "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562"),
        (57, "2fe741af801cc238602ac0ec6a7b0c3a8a87c7fc7d7f02a3fe03d1c12eac4d8f"),
        (63, "29af2686fd53374a36b0846694cc342177e428d1647515f078784d69cdb9e488"),
        (64, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"),
        (65, "4bfd2c8b6f1eec7a2afeb48b934ee4b2694182027e6d0fc075074f2fabb31781"),
        (119, "da18797ed7c3a777f0847f429724a2d8cd5138e6ed2895c3fa1a6d39d18f7ec6"),
        (120, "f52b23db1fbb6ded89ef42a23ce0c8922c45f25c50b568a93bf1c075420bbb7c"),
        (127, "92ca0fa6651ee2f97b884b7246a562fa71250fedefe5ebf270d31c546bfea976"),
        (128, "471fb943aa23c511f6f72f8d1652d9c880cfa392ad80503120547703e56a2be5"),
        (1000, "4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d"),
    ])
    func lengths(count: Int, expected: String) {
        #expect(SHA256.hex((0..<count).map { UInt8($0 % 251) }) == expected)
    }

    @Test func aMillionTimesA() {
        #expect(
            SHA256.hex([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test func theHashIsTheBytesOfTheHex() {
        let hash = SHA256.hash(Array("abc".utf8))
        #expect(hash.count == 32)
        #expect(hash.prefix(4) == [0xba, 0x78, 0x16, 0xbf])
    }
}

@Suite struct SplitMix64Tests {
    /// The reference values of Vigna's splitmix64.c.
    @Test func referenceValues() {
        func first(_ count: Int, seed: UInt64) -> [UInt64] {
            var random = SplitMix64(seed: seed)
            return (0..<count).map { _ in random.next() }
        }
        #expect(
            first(5, seed: 1_234_567) == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
        #expect(
            first(3, seed: 0) == [16_294_208_416_658_607_535, 7_960_286_522_194_355_700, 487_617_019_471_545_679])
        #expect(first(2, seed: .max) == [16_490_336_266_968_443_936, 16_834_447_057_089_888_969])
    }

    @Test func aStateGoesOnWhereItWas() {
        var random = SplitMix64(seed: 5)
        _ = random.next()
        var resumed = SplitMix64(seed: random.state)
        #expect(resumed.next() == random.next())
        #expect(resumed == random)
    }
}
