// librabbitmq, the C client of RabbitMQ's authors (https://github.com/alanxz/rabbitmq-c).
// What Swift cannot see by itself: the log-in is variadic, and the numbers of methods and flags are macros with casts.
#include <sys/time.h>
#if __has_include(<rabbitmq-c/amqp.h>)  // from 0.12 on
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

static const amqp_method_number_t parley_basic_get = AMQP_BASIC_GET_METHOD;
static const amqp_method_number_t parley_basic_get_ok = AMQP_BASIC_GET_OK_METHOD;
static const amqp_method_number_t parley_basic_get_empty = AMQP_BASIC_GET_EMPTY_METHOD;
static const amqp_method_number_t parley_basic_ack = AMQP_BASIC_ACK_METHOD;
static const amqp_method_number_t parley_basic_nack = AMQP_BASIC_NACK_METHOD;
static const amqp_method_number_t parley_basic_return = AMQP_BASIC_RETURN_METHOD;
static const amqp_method_number_t parley_channel_close = AMQP_CHANNEL_CLOSE_METHOD;
static const amqp_method_number_t parley_channel_close_ok = AMQP_CHANNEL_CLOSE_OK_METHOD;
static const amqp_method_number_t parley_connection_close = AMQP_CONNECTION_CLOSE_METHOD;
static const amqp_method_number_t parley_connection_close_ok = AMQP_CONNECTION_CLOSE_OK_METHOD;
static const amqp_method_number_t parley_connection_blocked = AMQP_CONNECTION_BLOCKED_METHOD;
static const amqp_method_number_t parley_connection_unblocked = AMQP_CONNECTION_UNBLOCKED_METHOD;

static const amqp_flags_t parley_content_type_flag = AMQP_BASIC_CONTENT_TYPE_FLAG;
static const amqp_flags_t parley_delivery_mode_flag = AMQP_BASIC_DELIVERY_MODE_FLAG;
static const amqp_flags_t parley_headers_flag = AMQP_BASIC_HEADERS_FLAG;
static const amqp_flags_t parley_message_id_flag = AMQP_BASIC_MESSAGE_ID_FLAG;

// Logs in, with a name for the broker's list of connections, as one that wants to hear when the broker takes no messages
// (https://www.rabbitmq.com/docs/connection-blocked), which librabbitmq does not say by itself.
static inline amqp_rpc_reply_t parley_amqp_login(
    amqp_connection_state_t state, char const *vhost, int heartbeat, char const *name, char const *user, char const *password) {
    amqp_table_entry_t capability = {amqp_cstring_bytes("connection.blocked"), {AMQP_FIELD_KIND_BOOLEAN, {.boolean = 1}}};
    amqp_table_entry_t properties[] = {
        {amqp_cstring_bytes("capabilities"), {AMQP_FIELD_KIND_TABLE, {.table = {1, &capability}}}},
        {amqp_cstring_bytes("connection_name"), {AMQP_FIELD_KIND_UTF8, {.bytes = amqp_cstring_bytes(name)}}},
    };
    amqp_table_t table = {2, properties};
    return amqp_login_with_properties(
        state, vhost, AMQP_DEFAULT_MAX_CHANNELS, AMQP_DEFAULT_FRAME_SIZE, heartbeat, &table, AMQP_SASL_METHOD_PLAIN, user, password);
}
