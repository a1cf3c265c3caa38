/// A currency of ISO 4217 that has a minor unit.
public struct Currency: Sendable, Hashable, CustomStringConvertible {
    /// Three upper-case letters.
    public let code: String
    /// How many digits of an amount are behind the decimal point: 2 for EUR, 0 for JPY.
    public let minorUnitDigits: Int

    /// The currency of an active code; nil for any other text.
    public init?(code: String) {
        guard let digits = Self.minorUnitDigits[code] else { return nil }
        self.code = code
        minorUnitDigits = digits
    }

    public var description: String { code }

    private static let minorUnitDigits: [String: Int] = {
        var table: [String: Int] = [:]
        for (digits, codes) in codesByMinorUnitDigits {
            for code in codes.split(separator: " ") { table[String(code)] = digits }
        }
        return table
    }()

    /// The active codes, funds included. Metals and test codes have no minor unit and are left out.
    private static let codesByMinorUnitDigits: [(Int, String)] = [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (
            2,
            """
            AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF \
            CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL \
            HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU \
            MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR \
            SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED \
            VES WST XAD XCD XCG YER ZAR ZMW ZWG
            """
        ),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ]
}
