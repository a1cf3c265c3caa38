@testable import SagaCore
import Testing

/// The cases of JSONTestSuite (github.com/nst/JSONTestSuite by Nicolas Seriot, MIT), `test_parsing`, with our verdict.
///
/// The suite's names tell what RFC 8259 says: `y_` must be accepted, `n_` refused, `i_` is left to the parser. Skald
/// refuses four `y_` cases by its own rules: two with duplicate keys and two with U+0000 (bad input).
struct JSONSuiteCase: Sendable, CustomTestStringConvertible {
    let name: String
    /// Nil where the text is accepted.
    let refusal: RefusalCode?
    let bytes: [UInt8]

    var testDescription: String { name }

    static let all: [JSONSuiteCase] =
        table.split(separator: "\n").map { line in
            let columns = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            return JSONSuiteCase(
                name: String(columns[0]), refusal: columns[1] == "ok" ? nil : RefusalCode(rawValue: String(columns[1])),
                bytes: decoded(columns.dropFirst(2).first ?? ""))
        } + deep

    /// The cases that are too long for a table.
    private static let deep: [JSONSuiteCase] = [
        JSONSuiteCase(
            name: "n_structure_100000_opening_arrays", refusal: .jsonDepth,
            bytes: Array(repeating: UInt8(ascii: "["), count: 100_000)),
        JSONSuiteCase(
            name: "n_structure_open_array_object", refusal: .jsonDepth,
            bytes: Array(String(repeating: #"[{"":"#, count: 50_000).utf8)),
        JSONSuiteCase(
            name: "i_structure_500_nested_arrays", refusal: .jsonDepth,
            bytes: Array((String(repeating: "[", count: 500) + String(repeating: "]", count: 500)).utf8)),
    ]

    /// `%` and two hexadecimal digits stand for a byte.
    private static func decoded(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                bytes.append(UInt8(Substring(rest.prefix(2)), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }

    /// A case a line: name, verdict, text.
    private static let table = #"""
        y_array_arraysWithSpaces ok [[]   ]
        y_array_empty ok []
        y_array_empty-string ok [""]
        y_array_ending_with_newline ok ["a"]%0A
        y_array_false ok [false]
        y_array_heterogeneous ok [null, 1, "1", {}]
        y_array_null ok [null]
        y_array_with_1_and_newline ok [1%0A]
        y_array_with_leading_space ok %20[1]
        y_array_with_several_null ok [1,null,null,null,2]
        y_array_with_trailing_space ok [2]%20
        y_number ok [123e65]
        y_number_0e+1 ok [0e+1]
        y_number_0e1 ok [0e1]
        y_number_after_space ok [ 4]
        y_number_double_close_to_zero ok [-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]
        y_number_int_with_exp ok [20e1]
        y_number_minus_zero ok [-0]
        y_number_negative_int ok [-123]
        y_number_negative_one ok [-1]
        y_number_negative_zero ok [-0]
        y_number_real_capital_e ok [1E22]
        y_number_real_capital_e_neg_exp ok [1E-2]
        y_number_real_capital_e_pos_exp ok [1E+2]
        y_number_real_exponent ok [123e45]
        y_number_real_fraction_exponent ok [123.456e78]
        y_number_real_neg_exp ok [1e-2]
        y_number_real_pos_exponent ok [1e+2]
        y_number_simple_int ok [123]
        y_number_simple_real ok [123.456789]
        y_object ok {"asd":"sdf", "dfg":"fgh"}
        y_object_basic ok {"asd":"sdf"}
        y_object_duplicated_key JSON_DUPLICATE_KEY {"a":"b","a":"c"}
        y_object_duplicated_key_and_value JSON_DUPLICATE_KEY {"a":"b","a":"b"}
        y_object_empty ok {}
        y_object_empty_key ok {"":0}
        y_object_escaped_null_in_key JSON_ENCODING {"foo\u0000bar": 42}
        y_object_extreme_numbers ok { "min": -1.0e+28, "max": 1.0e+28 }
        y_object_long_strings ok {"x":[{"id": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}], "id": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}
        y_object_simple ok {"a":[]}
        y_object_string_unicode ok {"title":"\u041f\u043e\u043b\u0442\u043e\u0440\u0430 \u0417\u0435\u043c\u043b\u0435\u043a\u043e\u043f\u0430" }
        y_object_with_newlines ok {%0A"a": "b"%0A}
        y_string_1_2_3_bytes_UTF-8_sequences ok ["\u0060\u012a\u12AB"]
        y_string_accepted_surrogate_pair ok ["\uD801\udc37"]
        y_string_accepted_surrogate_pairs ok ["\ud83d\ude39\ud83d\udc8d"]
        y_string_allowed_escapes ok ["\"\\\/\b\f\n\r\t"]
        y_string_backslash_and_u_escaped_zero ok ["\\u0000"]
        y_string_backslash_doublequotes ok ["\""]
        y_string_comments ok ["a/*b*/c/*d//e"]
        y_string_double_escape_a ok ["\\a"]
        y_string_double_escape_n ok ["\\n"]
        y_string_escaped_control_character ok ["\u0012"]
        y_string_escaped_noncharacter ok ["\uFFFF"]
        y_string_in_array ok ["asd"]
        y_string_in_array_with_leading_space ok [ "asd"]
        y_string_last_surrogates_1_and_2 ok ["\uDBFF\uDFFF"]
        y_string_nbsp_uescaped ok ["new\u00A0line"]
        y_string_nonCharacterInUTF-8_U+10FFFF ok ["%F4%8F%BF%BF"]
        y_string_nonCharacterInUTF-8_U+FFFF ok ["%EF%BF%BF"]
        y_string_null_escape JSON_ENCODING ["\u0000"]
        y_string_one-byte-utf-8 ok ["\u002c"]
        y_string_pi ok ["%CF%80"]
        y_string_reservedCharacterInUTF-8_U+1BFFF ok ["%F0%9B%BF%BF"]
        y_string_simple_ascii ok ["asd "]
        y_string_space ok " "
        y_string_surrogates_U+1D11E_MUSICAL_SYMBOL_G_CLEF ok ["\uD834\uDd1e"]
        y_string_three-byte-utf-8 ok ["\u0821"]
        y_string_two-byte-utf-8 ok ["\u0123"]
        y_string_u+2028_line_sep ok ["%E2%80%A8"]
        y_string_u+2029_par_sep ok ["%E2%80%A9"]
        y_string_uEscape ok ["\u0061\u30af\u30EA\u30b9"]
        y_string_uescaped_newline ok ["new\u000Aline"]
        y_string_unescaped_char_delete ok ["%7F"]
        y_string_unicode ok ["\uA66D"]
        y_string_unicodeEscapedBackslash ok ["\u005C"]
        y_string_unicode_2 ok ["%E2%8D%82%E3%88%B4%E2%8D%82"]
        y_string_unicode_U+10FFFE_nonchar ok ["\uDBFF\uDFFE"]
        y_string_unicode_U+1FFFE_nonchar ok ["\uD83F\uDFFE"]
        y_string_unicode_U+200B_ZERO_WIDTH_SPACE ok ["\u200B"]
        y_string_unicode_U+2064_invisible_plus ok ["\u2064"]
        y_string_unicode_U+FDD0_nonchar ok ["\uFDD0"]
        y_string_unicode_U+FFFE_nonchar ok ["\uFFFE"]
        y_string_unicode_escaped_double_quote ok ["\u0022"]
        y_string_utf8 ok ["%E2%82%AC%F0%9D%84%9E"]
        y_string_with_del_character ok ["a%7Fa"]
        y_structure_lonely_false ok false
        y_structure_lonely_int ok 42
        y_structure_lonely_negative_real ok -0.1
        y_structure_lonely_null ok null
        y_structure_lonely_string ok "asd"
        y_structure_lonely_true ok true
        y_structure_string_empty ok ""
        y_structure_trailing_newline ok ["a"]%0A
        y_structure_true_in_array ok [true]
        y_structure_whitespace_array ok %20[]%20
        n_array_1_true_without_comma JSON_SYNTAX [1 true]
        n_array_a_invalid_utf8 JSON_SYNTAX [a%E5]
        n_array_colon_instead_of_comma JSON_SYNTAX ["": 1]
        n_array_comma_after_close JSON_SYNTAX [""],
        n_array_comma_and_number JSON_SYNTAX [,1]
        n_array_double_comma JSON_SYNTAX [1,,2]
        n_array_double_extra_comma JSON_SYNTAX ["x",,]
        n_array_extra_close JSON_SYNTAX ["x"]]
        n_array_extra_comma JSON_SYNTAX ["",]
        n_array_incomplete JSON_SYNTAX ["x"
        n_array_incomplete_invalid_value JSON_SYNTAX [x
        n_array_inner_array_no_comma JSON_SYNTAX [3[4]]
        n_array_invalid_utf8 JSON_ENCODING [%FF]
        n_array_items_separated_by_semicolon JSON_SYNTAX [1:2]
        n_array_just_comma JSON_SYNTAX [,]
        n_array_just_minus JSON_NUMBER [-]
        n_array_missing_value JSON_SYNTAX [   , ""]
        n_array_newlines_unclosed JSON_SYNTAX ["a",%0A4%0A,1,
        n_array_number_and_comma JSON_SYNTAX [1,]
        n_array_number_and_several_commas JSON_SYNTAX [1,,]
        n_array_spaces_vertical_tab_formfeed JSON_SYNTAX ["%0Ba"\f]
        n_array_star_inside JSON_SYNTAX [*]
        n_array_unclosed JSON_SYNTAX [""
        n_array_unclosed_trailing_comma JSON_SYNTAX [1,
        n_array_unclosed_with_new_lines JSON_SYNTAX [1,%0A1%0A,1
        n_array_unclosed_with_object_inside JSON_SYNTAX [{}
        n_incomplete_false JSON_SYNTAX [fals]
        n_incomplete_null JSON_SYNTAX [nul]
        n_incomplete_true JSON_SYNTAX [tru]
        n_multidigit_number_then_00 JSON_SYNTAX 123%00
        n_number_++ JSON_NUMBER [++1234]
        n_number_+1 JSON_NUMBER [+1]
        n_number_+Inf JSON_NUMBER [+Inf]
        n_number_-01 JSON_NUMBER [-01]
        n_number_-1.0. JSON_SYNTAX [-1.0.]
        n_number_-2. JSON_NUMBER [-2.]
        n_number_-NaN JSON_NUMBER [-NaN]
        n_number_.-1 JSON_NUMBER [.-1]
        n_number_.2e-3 JSON_NUMBER [.2e-3]
        n_number_0.1.2 JSON_SYNTAX [0.1.2]
        n_number_0.3e JSON_NUMBER [0.3e]
        n_number_0.3e+ JSON_NUMBER [0.3e+]
        n_number_0.e1 JSON_NUMBER [0.e1]
        n_number_0_capital_E JSON_NUMBER [0E]
        n_number_0_capital_E+ JSON_NUMBER [0E+]
        n_number_0e JSON_NUMBER [0e]
        n_number_0e+ JSON_NUMBER [0e+]
        n_number_1.0e JSON_NUMBER [1.0e]
        n_number_1.0e+ JSON_NUMBER [1.0e+]
        n_number_1.0e- JSON_NUMBER [1.0e-]
        n_number_1_000 JSON_SYNTAX [1 000.0]
        n_number_1eE2 JSON_NUMBER [1eE2]
        n_number_2.e+3 JSON_NUMBER [2.e+3]
        n_number_2.e-3 JSON_NUMBER [2.e-3]
        n_number_2.e3 JSON_NUMBER [2.e3]
        n_number_9.e+ JSON_NUMBER [9.e+]
        n_number_Inf JSON_NUMBER [Inf]
        n_number_NaN JSON_NUMBER [NaN]
        n_number_U+FF11_fullwidth_digit_one JSON_SYNTAX [%EF%BC%91]
        n_number_expression JSON_SYNTAX [1+2]
        n_number_hex_1_digit JSON_SYNTAX [0x1]
        n_number_hex_2_digits JSON_SYNTAX [0x42]
        n_number_infinity JSON_NUMBER [Infinity]
        n_number_invalid+- JSON_NUMBER [0e+-1]
        n_number_invalid-negative-real JSON_SYNTAX [-123.123foo]
        n_number_invalid-utf-8-in-bigger-int JSON_ENCODING [123%E5]
        n_number_invalid-utf-8-in-exponent JSON_ENCODING [1e1%E5]
        n_number_invalid-utf-8-in-int JSON_ENCODING [0%E5]%0A
        n_number_minus_infinity JSON_NUMBER [-Infinity]
        n_number_minus_sign_with_trailing_garbage JSON_NUMBER [-foo]
        n_number_minus_space_1 JSON_NUMBER [- 1]
        n_number_neg_int_starting_with_zero JSON_NUMBER [-012]
        n_number_neg_real_without_int_part JSON_NUMBER [-.123]
        n_number_neg_with_garbage_at_end JSON_SYNTAX [-1x]
        n_number_real_garbage_after_e JSON_NUMBER [1ea]
        n_number_real_with_invalid_utf8_after_e JSON_ENCODING [1e%E5]
        n_number_real_without_fractional_part JSON_NUMBER [1.]
        n_number_starting_with_dot JSON_NUMBER [.123]
        n_number_with_alpha JSON_SYNTAX [1.2a-3]
        n_number_with_alpha_char JSON_SYNTAX [1.8011670033376514H-308]
        n_number_with_leading_zero JSON_NUMBER [012]
        n_object_bad_value JSON_SYNTAX ["x", truth]
        n_object_bracket_key JSON_SYNTAX {[: "x"}
        n_object_comma_instead_of_colon JSON_SYNTAX {"x", null}
        n_object_double_colon JSON_SYNTAX {"x"::"b"}
        n_object_emoji JSON_SYNTAX {%F0%9F%87%A8%F0%9F%87%AD}
        n_object_garbage_at_end JSON_SYNTAX {"a":"a" 123}
        n_object_key_with_single_quotes JSON_SYNTAX {key: 'value'}
        n_object_lone_continuation_byte_in_key_and_trailing_comma JSON_ENCODING {"%B9":"0",}
        n_object_missing_colon JSON_SYNTAX {"a" b}
        n_object_missing_key JSON_SYNTAX {:"b"}
        n_object_missing_semicolon JSON_SYNTAX {"a" "b"}
        n_object_missing_value JSON_SYNTAX {"a":
        n_object_no-colon JSON_SYNTAX {"a"
        n_object_non_string_key JSON_SYNTAX {1:1}
        n_object_non_string_key_but_huge_number_instead JSON_SYNTAX {9999E9999:1}
        n_object_repeated_null_null JSON_SYNTAX {null:null,null:null}
        n_object_several_trailing_commas JSON_SYNTAX {"id":0,,,,,}
        n_object_single_quote JSON_SYNTAX {'a':0}
        n_object_trailing_comma JSON_SYNTAX {"id":0,}
        n_object_trailing_comment JSON_SYNTAX {"a":"b"}/**/
        n_object_trailing_comment_open JSON_SYNTAX {"a":"b"}/**//
        n_object_trailing_comment_slash_open JSON_SYNTAX {"a":"b"}//
        n_object_trailing_comment_slash_open_incomplete JSON_SYNTAX {"a":"b"}/
        n_object_two_commas_in_a_row JSON_SYNTAX {"a":"b",,"c":"d"}
        n_object_unquoted_key JSON_SYNTAX {a: "b"}
        n_object_unterminated-value JSON_SYNTAX {"a":"a
        n_object_with_single_string JSON_SYNTAX { "foo" : "bar", "a" }
        n_object_with_trailing_garbage JSON_SYNTAX {"a":"b"}#
        n_single_space JSON_SYNTAX %20
        n_string_1_surrogate_then_escape JSON_ENCODING ["\uD800\"]
        n_string_1_surrogate_then_escape_u JSON_SYNTAX ["\uD800\u"]
        n_string_1_surrogate_then_escape_u1 JSON_SYNTAX ["\uD800\u1"]
        n_string_1_surrogate_then_escape_u1x JSON_SYNTAX ["\uD800\u1x"]
        n_string_accentuated_char_no_quotes JSON_SYNTAX [%C3%A9]
        n_string_backslash_00 JSON_SYNTAX ["\%00"]
        n_string_escape_x JSON_SYNTAX ["\x00"]
        n_string_escaped_backslash_bad JSON_SYNTAX ["\\\"]
        n_string_escaped_ctrl_char_tab JSON_SYNTAX ["\%09"]
        n_string_escaped_emoji JSON_SYNTAX ["\%F0%9F%8C%80"]
        n_string_incomplete_escape JSON_SYNTAX ["\"]
        n_string_incomplete_escaped_character JSON_SYNTAX ["\u00A"]
        n_string_incomplete_surrogate JSON_SYNTAX ["\uD834\uDd"]
        n_string_incomplete_surrogate_escape_invalid JSON_ENCODING ["\uD800\uD800\x"]
        n_string_invalid-utf-8-in-escape JSON_ENCODING ["\u%E5"]
        n_string_invalid_backslash_esc JSON_SYNTAX ["\a"]
        n_string_invalid_unicode_escape JSON_SYNTAX ["\uqqqq"]
        n_string_invalid_utf8_after_escape JSON_ENCODING ["\%E5"]
        n_string_leading_uescaped_thinspace JSON_SYNTAX [\u0020"asd"]
        n_string_no_quotes_with_bad_escape JSON_SYNTAX [\n]
        n_string_single_doublequote JSON_SYNTAX "
        n_string_single_quote JSON_SYNTAX ['single quote']
        n_string_single_string_no_double_quotes JSON_SYNTAX abc
        n_string_start_escape_unclosed JSON_SYNTAX ["\
        n_string_unescaped_ctrl_char JSON_ENCODING ["a%00a"]
        n_string_unescaped_newline JSON_SYNTAX ["new%0Aline"]
        n_string_unescaped_tab JSON_SYNTAX ["%09"]
        n_string_unicode_CapitalU JSON_SYNTAX "\UA66D"
        n_string_with_trailing_garbage JSON_SYNTAX ""x
        n_structure_U+2060_word_joined JSON_SYNTAX [%E2%81%A0]
        n_structure_UTF8_BOM_no_data JSON_ENCODING %EF%BB%BF
        n_structure_angle_bracket_. JSON_SYNTAX <.>
        n_structure_angle_bracket_null JSON_SYNTAX [<null>]
        n_structure_array_trailing_garbage JSON_SYNTAX [1]x
        n_structure_array_with_extra_array_close JSON_SYNTAX [1]]
        n_structure_array_with_unclosed_string JSON_SYNTAX ["asd]
        n_structure_ascii-unicode-identifier JSON_SYNTAX a%C3%A5
        n_structure_capitalized_True JSON_SYNTAX [True]
        n_structure_close_unopened_array JSON_SYNTAX 1]
        n_structure_comma_instead_of_closing_brace JSON_SYNTAX {"x": true,
        n_structure_double_array JSON_SYNTAX [][]
        n_structure_end_array JSON_SYNTAX ]
        n_structure_incomplete_UTF8_BOM JSON_ENCODING %EF%BB{}
        n_structure_lone-invalid-utf-8 JSON_ENCODING %E5
        n_structure_lone-open-bracket JSON_SYNTAX [
        n_structure_no_data JSON_SYNTAX
        n_structure_null-byte-outside-string JSON_ENCODING [%00]
        n_structure_number_with_trailing_garbage JSON_SYNTAX 2@
        n_structure_object_followed_by_closing_object JSON_SYNTAX {}}
        n_structure_object_unclosed_no_value JSON_SYNTAX {"":
        n_structure_object_with_comment JSON_SYNTAX {"a":/*comment*/"b"}
        n_structure_object_with_trailing_garbage JSON_SYNTAX {"a": true} "x"
        n_structure_open_array_apostrophe JSON_SYNTAX ['
        n_structure_open_array_comma JSON_SYNTAX [,
        n_structure_open_array_open_object JSON_SYNTAX [{
        n_structure_open_array_open_string JSON_SYNTAX ["a
        n_structure_open_array_string JSON_SYNTAX ["a"
        n_structure_open_object JSON_SYNTAX {
        n_structure_open_object_close_array JSON_SYNTAX {]
        n_structure_open_object_comma JSON_SYNTAX {,
        n_structure_open_object_open_array JSON_SYNTAX {[
        n_structure_open_object_open_string JSON_SYNTAX {"a
        n_structure_open_object_string_with_apostrophes JSON_SYNTAX {'a'
        n_structure_open_open JSON_SYNTAX ["\{["\{["\{["\{
        n_structure_single_eacute JSON_ENCODING %E9
        n_structure_single_star JSON_SYNTAX *
        n_structure_trailing_# JSON_SYNTAX {"a":"b"}#{}
        n_structure_uescaped_LF_before_string JSON_SYNTAX [\u000A""]
        n_structure_unclosed_array JSON_SYNTAX [1
        n_structure_unclosed_array_partial_null JSON_SYNTAX [ false, nul
        n_structure_unclosed_array_unfinished_false JSON_SYNTAX [ true, fals
        n_structure_unclosed_array_unfinished_true JSON_SYNTAX [ false, tru
        n_structure_unclosed_object JSON_SYNTAX {"asd":"asd"
        n_structure_unicode-identifier JSON_SYNTAX %C3%A5
        n_structure_whitespace_U+2060_word_joiner JSON_SYNTAX [%E2%81%A0]
        n_structure_whitespace_formfeed JSON_SYNTAX [%0C]
        i_number_double_huge_neg_exp ok [123.456e-789]
        i_number_huge_exp JSON_NUMBER [0.4e00669999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999969999999006]
        i_number_neg_int_huge_exp JSON_NUMBER [-1e+9999]
        i_number_pos_double_huge_exp JSON_NUMBER [1.5e+9999]
        i_number_real_neg_overflow JSON_NUMBER [-123123e100000]
        i_number_real_pos_overflow JSON_NUMBER [123123e100000]
        i_number_real_underflow ok [123e-10000000]
        i_number_too_big_neg_int ok [-123123123123123123123123123123]
        i_number_too_big_pos_int ok [100000000000000000000]
        i_number_very_big_negative_int ok [-237462374673276894279832749832423479823246327846]
        i_object_key_lone_2nd_surrogate JSON_ENCODING {"\uDFAA":0}
        i_string_1st_surrogate_but_2nd_missing JSON_ENCODING ["\uDADA"]
        i_string_1st_valid_surrogate_2nd_invalid JSON_ENCODING ["\uD888\u1234"]
        i_string_UTF-16LE_with_BOM JSON_ENCODING %FF%FE[%00"%00%E9%00"%00]%00
        i_string_UTF-8_invalid_sequence JSON_ENCODING ["%E6%97%A5%D1%88%FA"]
        i_string_UTF8_surrogate_U+D800 JSON_ENCODING ["%ED%A0%80"]
        i_string_incomplete_surrogate_and_escape_valid JSON_ENCODING ["\uD800\n"]
        i_string_incomplete_surrogate_pair JSON_ENCODING ["\uDd1ea"]
        i_string_incomplete_surrogates_escape_valid JSON_ENCODING ["\uD800\uD800\n"]
        i_string_invalid_lonely_surrogate JSON_ENCODING ["\ud800"]
        i_string_invalid_surrogate JSON_ENCODING ["\ud800abc"]
        i_string_invalid_utf-8 JSON_ENCODING ["%FF"]
        i_string_inverted_surrogates_U+1D11E JSON_ENCODING ["\uDd1e\uD834"]
        i_string_iso_latin_1 JSON_ENCODING ["%E9"]
        i_string_lone_second_surrogate JSON_ENCODING ["\uDFAA"]
        i_string_lone_utf8_continuation_byte JSON_ENCODING ["%81"]
        i_string_not_in_unicode_range JSON_ENCODING ["%F4%BF%BF%BF"]
        i_string_overlong_sequence_2_bytes JSON_ENCODING ["%C0%AF"]
        i_string_overlong_sequence_6_bytes JSON_ENCODING ["%FC%83%BF%BF%BF%BF"]
        i_string_overlong_sequence_6_bytes_null JSON_ENCODING ["%FC%80%80%80%80%80"]
        i_string_truncated-utf-8 JSON_ENCODING ["%E0%FF"]
        i_string_utf16BE_no_BOM JSON_ENCODING %00[%00"%00%E9%00"%00]
        i_string_utf16LE_no_BOM JSON_ENCODING [%00"%00%E9%00"%00]%00
        i_structure_UTF-8_BOM_empty_object JSON_ENCODING %EF%BB%BF{}
        """#
}
