#ifndef SKALD_CRABBITMQ_SHIM_H
#define SKALD_CRABBITMQ_SHIM_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

static inline int skald_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

/* While it gathers, the socket sends full packets only; what is left goes out at the end. */
static inline void skald_gather(int socket, int gathers) {
  setsockopt(socket, IPPROTO_TCP, TCP_CORK, &gathers, sizeof gathers);
}

static inline amqp_table_entry_t skald_flag(char const *name) {
  amqp_table_entry_t entry;
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

static inline amqp_table_entry_t skald_text(char const *name, char const *text) {
  amqp_table_entry_t entry;
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = amqp_cstring_bytes(text);
  return entry;
}

/* amqp_login_with_properties is variadic. The capabilities make the broker say when it cancels a consumer or stops
   taking publishes; the library does not announce them by itself. */
static inline amqp_rpc_reply_t skald_login(amqp_connection_state_t state, char const *vhost, int frame_max,
                                           int heartbeat_seconds, char const *user, char const *password,
                                           char const *connection_name) {
  amqp_table_entry_t capabilities[4];
  capabilities[0] = skald_flag("consumer_cancel_notify");
  capabilities[1] = skald_flag("connection.blocked");
  capabilities[2] = skald_flag("publisher_confirms");
  capabilities[3] = skald_flag("basic.nack");

  amqp_table_entry_t entries[3];
  entries[0] = skald_text("product", "Skald");
  entries[1] = skald_text("connection_name", connection_name);
  entries[2].key = amqp_cstring_bytes("capabilities");
  entries[2].value.kind = AMQP_FIELD_KIND_TABLE;
  entries[2].value.value.table.num_entries = 4;
  entries[2].value.value.table.entries = capabilities;

  amqp_table_t properties;
  properties.num_entries = 3;
  properties.entries = entries;
  return amqp_login_with_properties(state, vhost, 1, frame_max, heartbeat_seconds, &properties,
                                    AMQP_SASL_METHOD_PLAIN, user, password);
}

#endif
