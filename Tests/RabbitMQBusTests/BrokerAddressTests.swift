import SagaBus
import Testing

@testable import RabbitMQBus

@Suite struct BrokerAddressTests {
    @Test func everyPart() throws {
        let address = try BrokerAddress(
            "amqps://j%40ne:p%3A%2Fw@mq.example:5699/shop%2Feu?heartbeat=5&cacertfile=/ca.pem")
        #expect(address.isTLS)
        #expect((address.host, address.port) == ("mq.example", 5699))
        #expect((address.user, address.password) == ("j@ne", "p:/w"))
        #expect(address.virtualHost == "shop/eu")
        #expect(address.heartbeatSeconds == 5)
        #expect(address.certificateAuthorityFile == "/ca.pem")
    }

    @Test(arguments: ["amqp://localhost", "amqp://localhost/", "AMQP://localhost:5672/%2F", "amqp://localhost/%2f"])
    func defaults(url: String) throws {
        let address = try BrokerAddress(url)
        #expect((address.host, address.port, address.isTLS) == ("localhost", 5672, false))
        #expect((address.user, address.password, address.virtualHost) == ("guest", "guest", "/"))
    }

    @Test func theSecurePortIsAnother() throws {
        #expect(try BrokerAddress("amqps://localhost").port == 5671)
    }

    @Test func anIPv6Address() throws {
        let address = try BrokerAddress("amqp://u:p@[::1]:5673/v")
        #expect((address.host, address.port) == ("::1", 5673))
        #expect(try BrokerAddress("amqp://[::1]").host == "::1")
        #expect(address.description == "amqp://[::1]:5673/v")
    }

    @Test func thePasswordMayContainAnAt() throws {
        #expect(try BrokerAddress("amqp://u:p@ss@host/").password == "p@ss")
    }

    @Test func theDescriptionHasNoCredentials() throws {
        let address = try BrokerAddress("amqps://jane:secret@mq.example/shop%2Feu")
        #expect(address.description == "amqps://mq.example:5671/shop%2Feu")
    }

    @Test(arguments: [
        "", "localhost", "http://jane:secret@host/", "amqp://", "amqp:///v", "amqp://jane:secret@:5672/",
        "amqp://jane:secret@host:0/", "amqp://jane:secret@host:65536/", "amqp://jane:secret@host:/",
        "amqp://jane:secret@host:56 /", "amqp://jane:secret%@host/", "amqp://jane:secret%zz@host/",
        "amqp://jane:secret%00@host/", "amqp://jane:secret@host/a/b", "amqp://jane:secret@[::1/",
        "amqp://jane:secret@host/?heartbeat=0", "amqp://jane:secret@host/?heartbeat=x",
        "amqp://jane:secret@host/?verify=verify_none", "amqp://jane:secret%FF@host/",
    ])
    func refused(url: String) throws {
        let error = try #require(throws: BusError.self) { try BrokerAddress(url) }
        #expect(error.code == .invalidAddress)
        #expect(!error.message.contains("secret"), "the message must not show the password")
    }
}
