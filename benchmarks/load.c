/*
 * load: the load generator of the benchmarks.
 *
 * One thread, epoll, no blocking call. It speaks three protocols with the same 16 or more bytes of content:
 *   es6   ESFramework generation 6, 36-byte header (log-on 112, information 201, heartbeat 104)
 *   mqtt  MQTT 3.1.1, QoS 0, one topic per client
 *   nats  the NATS core text protocol, one subject per client
 * and drives a server in five ways:
 *   relay client i talks to client i^1; whoever gets a message sends one back, so K stay outstanding per client
 *   flood every client writes to the server itself (destination "_0") as fast as the socket takes it (es6 only)
 *   idle  log on, hold with heartbeats, then (optionally) relay a fixed number of messages a second through all
 *   fanout client 0 sends to a group that all others are in (mqtt, nats: a topic, a subject "all"), K broadcasts
 *         outstanding: the next is sent when all the others have as many copies as there are members to each
 *   arrive log on one after another, evenly over the given seconds, and count the notices (702) of it (es6 only)
 *
 * It prints one JSON object a line: events while it runs ("logged_on", "measuring", "held") and a last "result".
 * It refuses to know what a good figure is, and it never starts or stops a server.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 36, ID_FIELD = 11, STAMP = 16, READ_SIZE = 1 << 18, NAME_SIZE = 12, PER_SOURCE = 25000 };
enum { TYPE_HEARTBEAT = 104, TYPE_LOG_ON = 112, TYPE_INFORMATION = 201, INFORMATION_TYPE = 7, CLIENT_OTHERS = 8 };
enum { TYPE_CONTACT_ONLINE = 702, TYPE_BROADCAST = 704 };

#define GROUP "all"
enum { SUB_BUCKETS = 32, OCTAVES = 60, MAX_PENDING = 1 << 16 };

#define SECOND 1000000000ull

struct options {
    const char *protocol, *mode, *host;
    int port, connections, outstanding, size, batch, ramp;
    double warm_up, seconds, heartbeat, rate, drive_seconds;
};

static struct options options = {
    .protocol = "es6", .mode = "relay", .host = "127.0.0.1", .connections = 12, .outstanding = 1, .size = 16,
    .batch = 256, .ramp = 32, .warm_up = 1, .seconds = 3, .heartbeat = 10, .rate = 0, .drive_seconds = 5,
};

struct buffer {
    uint8_t *bytes;
    size_t length, capacity;
};

enum state { CONNECTING, LOGGING_ON, READY };

struct client {
    int fd, index;
    enum state state;
    int watching_write;
    uint32_t sent, received;     /* sequence numbers of this client's messages out and in */
    size_t flood_at;             /* how much of the flood batch has left */
    struct buffer rest, out;     /* an incomplete frame in; bytes the kernel did not take yet */
    uint8_t *message;            /* one prepared message to the partner; in flood mode a batch of them to "_0" */
    size_t message_size, stamp_at;
    uint64_t asked_at;           /* when the log-on was sent */
};

enum kind { NOTHING, LOGGED_ON, MESSAGE, SERVER_PING, NOTICE };

struct wire {
    const char *name;
    size_t (*log_on)(const struct client *, uint8_t *);
    size_t (*message)(const struct client *, const char *to, uint8_t *, size_t *stamp_at);
    size_t (*take)(const uint8_t *, size_t, enum kind *, const uint8_t **content); /* 0: not complete yet */
};

static struct client *clients;
static const struct wire *wire;
static int poller;
static int ready, opened, fanout;
static uint64_t delivered;      /* copies of broadcasts since the start */
static uint64_t messages, misordered, flood_bytes, log_on_nanoseconds;
static uint64_t latencies[SUB_BUCKETS * OCTAVES], latency_max;
static uint8_t read_buffer[READ_SIZE + 65536];

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ---- buffers and the latency histogram: 32 buckets an octave, so a figure is right within 3 % ---- */

static void append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (buffer->length + length > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity : 128;
        while (capacity < buffer->length + length)
            capacity *= 2;
        buffer->bytes = realloc(buffer->bytes, capacity);
        if (!buffer->bytes)
            fail("out of memory");
        buffer->capacity = capacity;
    }
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

static void count_latency(uint64_t nanoseconds)
{
    unsigned octave = nanoseconds < SUB_BUCKETS ? 0 : 63u - (unsigned)__builtin_clzll(nanoseconds) - 4u;
    uint64_t bucket = octave ? octave * SUB_BUCKETS + (nanoseconds >> (octave - 1)) - SUB_BUCKETS : nanoseconds;
    if (bucket >= SUB_BUCKETS * OCTAVES)
        bucket = SUB_BUCKETS * OCTAVES - 1;
    latencies[bucket]++;
    if (nanoseconds > latency_max)
        latency_max = nanoseconds;
}

static double percentile(double share)
{
    uint64_t total = 0, seen = 0;
    for (int bucket = 0; bucket < SUB_BUCKETS * OCTAVES; bucket++)
        total += latencies[bucket];
    if (!total)
        return 0;
    for (int bucket = 0; bucket < SUB_BUCKETS * OCTAVES; bucket++) {
        seen += latencies[bucket];
        if ((double)seen >= share * (double)total) {
            int octave = bucket / SUB_BUCKETS, step = bucket % SUB_BUCKETS;
            return octave ? (double)((uint64_t)(SUB_BUCKETS + step) << (octave - 1)) / 1e3 : step / 1e3;
        }
    }
    return (double)latency_max / 1e3;
}

/* ---- es6 ---- */

static uint8_t *put32(uint8_t *at, int32_t value)
{
    memcpy(at, &value, 4); /* the protocol is little-endian, and so is every machine this runs on */
    return at + 4;
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
    size_t length = strlen(text);
    at = put32(at, (int32_t)length);
    memcpy(at, text, length);
    return at + length;
}

static void name_of(int index, char *name)
{
    snprintf(name, NAME_SIZE, "u%06d", index);
}

static uint8_t *es6_header(uint8_t *at, int type, int id, int body, int from, const char *to)
{
    char name[NAME_SIZE];
    name_of(from, name);
    memset(at, 0, HEADER);
    at[0] = 0xFF;
    at[1] = CLIENT_OTHERS;
    at[2] = (uint8_t)type;
    at[3] = (uint8_t)(type >> 8);
    put32(at + 4, id);
    put32(at + 8, body);
    at[12] = (uint8_t)strlen(name);
    memcpy(at + 13, name, strlen(name));
    at[13 + ID_FIELD] = (uint8_t)strlen(to);
    memcpy(at + 14 + ID_FIELD, to, strlen(to));
    return at + HEADER;
}

static size_t es6_log_on(const struct client *client, uint8_t *out)
{
    uint8_t *end = put_text(put_text(put_text(out + HEADER + 4, "FreeUser"), "pw"), "");
    int body = (int)(end - out) - HEADER;
    put32(out + HEADER, body - 4);
    es6_header(out, TYPE_LOG_ON, 1, body, client->index, "_0");
    return (size_t)(end - out);
}

static size_t es6_broadcast(const struct client *client, uint8_t *out, size_t *stamp_at)
{
    int properties = 4 + 4 + options.size + 4 + (int)strlen(GROUP) + 4 + 4;
    uint8_t *at = es6_header(out, TYPE_BROADCAST, 0, properties + 4, client->index, "_" GROUP);
    at = put32(put32(put32(at, properties), 0), options.size);
    *stamp_at = (size_t)(at - out);
    memset(at, 'x', (size_t)options.size);
    at = put_text(put32(put_text(at + options.size, GROUP), INFORMATION_TYPE), "");
    return (size_t)(at - out);
}

static size_t es6_message(const struct client *client, const char *to, uint8_t *out, size_t *stamp_at)
{
    if (fanout)
        return es6_broadcast(client, out, stamp_at);
    int properties = 4 + options.size + 4;
    uint8_t *at = es6_header(out, TYPE_INFORMATION, 2, properties + 4, client->index, to);
    at = put32(put32(at, properties), options.size);
    *stamp_at = (size_t)(at - out);
    memset(at, 'x', (size_t)options.size);
    at = put32(at + options.size, INFORMATION_TYPE);
    return (size_t)(at - out);
}

static size_t es6_take(const uint8_t *bytes, size_t length, enum kind *kind, const uint8_t **content)
{
    int32_t body, cause, result;
    if (length < HEADER)
        return 0;
    memcpy(&body, bytes + 8, 4);
    if (bytes[0] != 0xFF || body < 0 || body > 1 << 20)
        fail("the server sent bytes that are no generation-6 frame");
    if (length < HEADER + (size_t)body)
        return 0;
    int type = bytes[2] | bytes[3] << 8;
    if (type == TYPE_INFORMATION) {
        *kind = MESSAGE;
        *content = bytes + HEADER + 8;
    } else if (type == TYPE_BROADCAST) {
        *kind = MESSAGE;
        *content = bytes + HEADER + 12;
    } else if (type == TYPE_CONTACT_ONLINE) {
        *kind = NOTICE;
        *content = bytes + HEADER + 8;
    } else if (type == TYPE_LOG_ON) {
        memcpy(&cause, bytes + HEADER + 4, 4);
        memcpy(&result, bytes + HEADER + 9 + (cause > 0 ? cause : 0), 4);
        if (result)
            fail("log-on refused with result %d: %.*s", result, cause > 0 ? cause : 0, bytes + HEADER + 8);
        *kind = LOGGED_ON;
    }
    return HEADER + (size_t)body;
}

/* ---- mqtt ---- */

static uint8_t *mqtt_text(uint8_t *at, const char *text)
{
    size_t length = strlen(text);
    at[0] = (uint8_t)(length >> 8);
    at[1] = (uint8_t)length;
    memcpy(at + 2, text, length);
    return at + 2 + length;
}

static uint8_t *mqtt_fixed(uint8_t *at, int first, size_t remaining)
{
    *at++ = (uint8_t)first;
    do {
        *at++ = (uint8_t)((remaining & 127) | (remaining > 127 ? 128 : 0));
        remaining >>= 7;
    } while (remaining);
    return at;
}

static size_t mqtt_log_on(const struct client *client, uint8_t *out)
{
    char name[NAME_SIZE];
    name_of(client->index, name);
    uint8_t *at = mqtt_text(mqtt_fixed(out, 0x10, 12 + strlen(name)), "MQTT");
    *at++ = 4;    /* protocol level 3.1.1 */
    *at++ = 2;    /* clean session */
    *at++ = 0;    /* no keep-alive */
    *at++ = 0;
    at = mqtt_text(at, name);
    const char *topic = fanout && client->index ? GROUP : name;
    at = mqtt_fixed(at, 0x82, 5 + strlen(topic));
    *at++ = 0;
    *at++ = 1;
    at = mqtt_text(at, topic);
    *at++ = 0;    /* QoS 0 */
    return (size_t)(at - out);
}

static size_t mqtt_message(const struct client *client, const char *to, uint8_t *out, size_t *stamp_at)
{
    (void)client;
    uint8_t *at = mqtt_text(mqtt_fixed(out, 0x30, 2 + strlen(to) + (size_t)options.size), to);
    *stamp_at = (size_t)(at - out);
    memset(at, 'x', (size_t)options.size);
    return *stamp_at + (size_t)options.size;
}

static size_t mqtt_take(const uint8_t *bytes, size_t length, enum kind *kind, const uint8_t **content)
{
    size_t at = 1, remaining = 0;
    for (int shift = 0;; shift += 7) {
        if (at >= length)
            return 0;
        remaining |= (size_t)(bytes[at] & 127) << shift;
        if (bytes[at++] < 128)
            break;
    }
    if (length < at + remaining)
        return 0;
    if (bytes[0] >> 4 == 3) {
        *kind = MESSAGE;
        *content = bytes + at + 2 + (bytes[at] << 8 | bytes[at + 1]);
    } else if (bytes[0] >> 4 == 9) {
        *kind = LOGGED_ON;
    } else if (bytes[0] >> 4 == 2 && bytes[at + 1]) {
        fail("CONNECT refused with code %d", bytes[at + 1]);
    }
    return at + remaining;
}

/* ---- nats ---- */

static size_t nats_log_on(const struct client *client, uint8_t *out)
{
    char name[NAME_SIZE];
    name_of(client->index, name);
    return (size_t)sprintf((char *)out, "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\","
                           "\"version\":\"1\",\"protocol\":1}\r\nSUB %s 1\r\nPING\r\n",
                           fanout && client->index ? GROUP : name);
}

static size_t nats_message(const struct client *client, const char *to, uint8_t *out, size_t *stamp_at)
{
    (void)client;
    *stamp_at = (size_t)sprintf((char *)out, "PUB %s %d\r\n", to, options.size);
    memset(out + *stamp_at, 'x', (size_t)options.size);
    memcpy(out + *stamp_at + options.size, "\r\n", 2);
    return *stamp_at + (size_t)options.size + 2;
}

static size_t nats_take(const uint8_t *bytes, size_t length, enum kind *kind, const uint8_t **content)
{
    const uint8_t *end = memchr(bytes, '\n', length);
    if (!end)
        return 0;
    size_t line = (size_t)(end - bytes) + 1;
    if (bytes[0] == 'M') {
        size_t whole = line + (size_t)options.size + 2;
        if (length < whole)
            return 0;
        *kind = MESSAGE;
        *content = bytes + line;
        return whole;
    }
    if (!memcmp(bytes, "PONG", 4))
        *kind = LOGGED_ON;
    else if (!memcmp(bytes, "PING", 4))
        *kind = SERVER_PING;
    else if (bytes[0] == '-')
        fail("NATS: %.*s", (int)line, bytes);
    return line;
}

static const struct wire wires[] = {
    {"es6", es6_log_on, es6_message, es6_take},
    {"mqtt", mqtt_log_on, mqtt_message, mqtt_take},
    {"nats", nats_log_on, nats_message, nats_take},
};

/* ---- one client's socket ---- */

static void watch_write(struct client *client, int wanted)
{
    if (client->watching_write == wanted)
        return;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0u), .data.u32 = (uint32_t)client->index};
    epoll_ctl(poller, EPOLL_CTL_MOD, client->fd, &event);
    client->watching_write = wanted;
}

static void flush_out(struct client *client)
{
    if (!client->out.length)
        return;
    ssize_t sent = send(client->fd, client->out.bytes, client->out.length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        fail("client %d: send: %s", client->index, strerror(errno));
    if (sent > 0) {
        client->out.length -= (size_t)sent;
        memmove(client->out.bytes, client->out.bytes + sent, client->out.length);
    }
    watch_write(client, client->out.length > 0);
}

static void queue_message(struct client *client, uint64_t stamp)
{
    uint32_t tail[2] = {client->sent++, (uint32_t)client->index};
    memcpy(client->message + client->stamp_at, &stamp, 8);
    memcpy(client->message + client->stamp_at + 8, tail, 8);
    append(&client->out, client->message, client->message_size);
}

static void got_message(struct client *client, const uint8_t *content, uint64_t time)
{
    uint64_t stamp;
    uint32_t tail[2];
    memcpy(&stamp, content, 8);
    memcpy(tail, content + 8, 8);
    if (tail[0] != client->received || tail[1] != (fanout ? 0 : (uint32_t)client->index ^ 1))
        misordered++;
    client->received = tail[0] + 1;
    messages++;
    delivered++;
    count_latency(time - stamp);
}

static void got(struct client *client, enum kind kind, const uint8_t *content, uint64_t time, int answer)
{
    if (kind == MESSAGE) {
        got_message(client, content, time);
        if (answer)
            queue_message(client, time);
    } else if (kind == LOGGED_ON && client->state == LOGGING_ON) {
        client->state = READY;
        ready++;
    } else if (kind == NOTICE) {
        int index = atoi((const char *)content + 1); /* behind the id is the next frame, or this buffer's slack */
        if (index < 0 || index >= options.connections)
            fail("a notice of nobody");
        messages++;
        count_latency(time - clients[index].asked_at);
    } else if (kind == SERVER_PING) {
        append(&client->out, "PONG\r\n", 6);
    }
}

static void readable(struct client *client, int answer)
{
    size_t kept = client->rest.length;
    if (kept > 65536)
        fail("client %d: a frame of more than 64 KiB", client->index);
    memcpy(read_buffer, client->rest.bytes ? client->rest.bytes : read_buffer, kept);
    ssize_t count = recv(client->fd, read_buffer + kept, READ_SIZE, 0);
    if (count < 0 && errno == EAGAIN)
        return;
    if (count <= 0)
        fail("client %d: closed by the server (%s)", client->index, count ? strerror(errno) : "orderly");
    size_t length = kept + (size_t)count, at = 0;
    uint64_t time = now();
    while (at < length) {
        enum kind kind = NOTHING;
        const uint8_t *content = NULL;
        size_t taken = wire->take(read_buffer + at, length - at, &kind, &content);
        if (!taken)
            break;
        got(client, kind, content, time, answer);
        at += taken;
    }
    client->rest.length = 0;
    if (at < length)
        append(&client->rest, read_buffer + at, length - at);
    if (client->out.length)
        flush_out(client);
}

static void open_client(int index)
{
    struct client *client = &clients[index];
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    int on = 1;
    client->index = index;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        fail("socket %d: %s", index, strerror(errno));
    inet_pton(AF_INET, options.host, &server.sin_addr);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (options.connections > PER_SOURCE) {
        struct sockaddr_in source = {.sin_family = AF_INET};
        source.sin_addr.s_addr = htonl(0x7F000001u + (uint32_t)(index / PER_SOURCE));
        setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (bind(client->fd, (struct sockaddr *)&source, sizeof source))
            fail("bind: %s", strerror(errno));
    }
    if (connect(client->fd, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS)
        fail("connect %d: %s", index, strerror(errno));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u32 = (uint32_t)index};
    client->watching_write = 1;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, client->fd, &event))
        fail("epoll_ctl: %s", strerror(errno));
}

static void connected(struct client *client)
{
    uint8_t bytes[512];
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        fail("client %d: connect: %s", client->index, strerror(error));
    append(&client->out, bytes, wire->log_on(client, bytes));
    client->state = LOGGING_ON;
    client->asked_at = now();
    flush_out(client);
}

static void flood(struct client *client)
{
    size_t whole = client->message_size * (size_t)options.batch;
    ssize_t sent = send(client->fd, client->message + client->flood_at, whole - client->flood_at, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        fail("client %d: send: %s", client->index, strerror(errno));
    if (sent > 0) {
        client->flood_at = (client->flood_at + (size_t)sent) % whole;
        flood_bytes += (uint64_t)sent;
    }
}

/* One turn of the loop: wait at most so many milliseconds, then serve whatever is ready. */
static void turn(int milliseconds, int answer, int flooding)
{
    static struct epoll_event events[512];
    int count = epoll_wait(poller, events, 512, milliseconds);
    for (int i = 0; i < count; i++) {
        struct client *client = &clients[events[i].data.u32];
        if (events[i].events & (EPOLLERR | EPOLLHUP) && client->state != CONNECTING && !(events[i].events & EPOLLIN))
            fail("client %d: the connection broke", client->index);
        if (client->state == CONNECTING && events[i].events & (EPOLLOUT | EPOLLERR))
            connected(client);
        else if (events[i].events & EPOLLOUT)
            flooding ? flood(client) : flush_out(client);
        if (events[i].events & EPOLLIN)
            readable(client, answer);
    }
}

/* ---- the phases ---- */

static void prepare_message(struct client *client, int flooding)
{
    char to[NAME_SIZE] = "_0";
    int copies = flooding ? options.batch : 1;
    if (fanout)
        strcpy(to, GROUP);
    else if (!flooding)
        name_of(client->index ^ 1, to);
    uint8_t *message = malloc((size_t)copies * (size_t)(options.size + 128));
    if (!message)
        fail("out of memory");
    client->message_size = wire->message(client, to, message, &client->stamp_at);
    for (int copy = 1; copy < copies; copy++)
        memcpy(message + client->message_size * (size_t)copy, message, client->message_size);
    client->message = message;
}

static void log_all_on(int flooding)
{
    uint64_t start = now(), progress = start;
    int last = 0;
    while (ready < options.connections) {
        while (opened < options.connections && opened - ready < options.ramp)
            open_client(opened++);
        turn(100, 0, 0);
        if (ready != last)
            progress = now();
        last = ready;
        if (now() - progress > 20 * SECOND)
            fail("only %d of %d clients logged on; nothing happened for 20 s", ready, options.connections);
    }
    log_on_nanoseconds = now() - start;
    for (int i = 0; i < options.connections; i++)
        prepare_message(&clients[i], flooding);
}

static void event(const char *name)
{
    printf("{\"event\": \"%s\", \"connections\": %d, \"log_on_seconds\": %.3f, \"cpu_seconds\": %.3f}\n", name, ready,
           (double)log_on_nanoseconds / 1e9, cpu_seconds());
    fflush(stdout);
}

static void forget_figures(void)
{
    memset(latencies, 0, sizeof latencies);
    latency_max = messages = flood_bytes = 0;
}

static void result(double wall, double cpu, double counted, const char *extra)
{
    printf("{\"event\": \"result\", \"mode\": \"%s\", \"protocol\": \"%s\", \"connections\": %d, \"outstanding\": %d, "
           "\"size\": %d, \"seconds\": %.4f, \"messages\": %.0f, \"per_second\": %.1f, "
           "\"latency_us\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}, \"misordered\": %llu, "
           "\"cpu_seconds\": %.3f, \"cpu_share\": %.3f, \"log_on_seconds\": %.3f%s}\n",
           options.mode, wire->name, options.connections, options.outstanding, options.size, wall, counted,
           counted / wall, percentile(0.5), percentile(0.99), (double)latency_max / 1e3,
           (unsigned long long)misordered, cpu, cpu / wall, (double)log_on_nanoseconds / 1e9, extra);
    fflush(stdout);
}

static void run_until(uint64_t end, int answer, int flooding)
{
    uint64_t before = messages, progress = now(), time;
    while ((time = now()) < end) {
        uint64_t left = (end - time) / 1000000 + 1;
        turn(left < 100 ? (int)left : 100, answer, flooding);
        if (!answer)
            continue;
        if (messages != before) {
            before = messages;
            progress = time;
        } else if (time - progress > 5 * SECOND) {
            fail("no message arrived for 5 s: the server lost them");
        }
    }
}

static void run_relay(void)
{
    uint64_t start = now();
    for (int i = 0; i < options.connections; i++) {
        for (int k = 0; k < options.outstanding; k++)
            queue_message(&clients[i], now());
        flush_out(&clients[i]);
    }
    run_until(start + (uint64_t)(options.warm_up * 1e9), 1, 0);
    forget_figures();
    event("measuring");
    double cpu = cpu_seconds();
    start = now();
    run_until(start + (uint64_t)(options.seconds * 1e9), 1, 0);
    result((double)(now() - start) / 1e9, cpu_seconds() - cpu, (double)messages, "");
}

/* Keeps K broadcasts on their way: a broadcast has arrived when there are as many copies as members. */
static void fan_out_until(uint64_t end)
{
    struct client *publisher = &clients[0];
    uint64_t members = (uint64_t)options.connections - 1, before = delivered, progress = now(), time;
    while ((time = now()) < end) {
        while (publisher->sent < delivered / members + (uint64_t)options.outstanding)
            queue_message(publisher, time);
        flush_out(publisher);
        turn(100, 0, 0);
        if (delivered != before) {
            before = delivered;
            progress = time;
        } else if (time - progress > 5 * SECOND) {
            fail("no copy arrived for 5 s: the server lost them");
        }
    }
}

static void run_fanout(void)
{
    fan_out_until(now() + (uint64_t)(options.warm_up * 1e9));
    forget_figures();
    event("measuring");
    double cpu = cpu_seconds();
    uint64_t start = now();
    fan_out_until(start + (uint64_t)(options.seconds * 1e9));
    result((double)(now() - start) / 1e9, cpu_seconds() - cpu, (double)messages, "");
}

/* Everybody logs on at its own time; then what is still on its way is waited for, two seconds after the last. */
static void run_arrive(void)
{
    uint64_t start = now(), length = (uint64_t)(options.seconds * 1e9), last = start, before = 0;
    double cpu = cpu_seconds();
    event("measuring");
    while (ready < options.connections || now() < last + 2 * SECOND) {
        uint64_t passed = now() - start;
        while (opened < options.connections && (uint64_t)opened * length <= passed * (uint64_t)options.connections)
            open_client(opened++);
        turn(1, 0, 0);
        if (messages != before || ready < options.connections)
            last = now();
        before = messages;
        if (now() - start > length + 60 * SECOND)
            fail("only %d of %d clients logged on", ready, options.connections);
    }
    result((double)(last - start) / 1e9, cpu_seconds() - cpu, (double)messages, "");
}

static void run_flood(void)
{
    for (int i = 0; i < options.connections; i++)
        watch_write(&clients[i], 1);
    run_until(now() + (uint64_t)(options.warm_up * 1e9), 0, 1);
    forget_figures();
    event("measuring");
    double cpu = cpu_seconds();
    uint64_t start = now();
    run_until(start + (uint64_t)(options.seconds * 1e9), 0, 1);
    result((double)(now() - start) / 1e9, cpu_seconds() - cpu, (double)flood_bytes / (double)clients[0].message_size, "");
}

static void hold(double seconds)
{
    uint64_t start = now(), end = start + (uint64_t)(seconds * 1e9), time, beats = 0;
    double every = options.heartbeat > 0 ? options.heartbeat * 1e9 / options.connections : 0;
    uint8_t beat[HEADER];
    while ((time = now()) < end) {
        while (every > 0 && (double)beats * every <= (double)(time - start)) {
            struct client *client = &clients[beats++ % (uint64_t)options.connections];
            es6_header(beat, TYPE_HEARTBEAT, 0, 0, client->index, "_0");
            append(&client->out, beat, HEADER);
            flush_out(client);
        }
        turn(5, 0, 0);
    }
}

/* Sends at a fixed rate, whatever comes back; each message is stamped with the moment it was due, so that a
   generator or a server that falls behind shows in the latency instead of being left out. */
static void drive(void)
{
    uint64_t start = now(), begin = start + (uint64_t)(options.warm_up * 1e9), time, sent = 0, held_back = 0;
    uint64_t end = begin + (uint64_t)(options.drive_seconds * 1e9), arrived_before = 0, in_window;
    int measuring = 0;
    double cpu = 0, wall;
    char extra[256];
    while ((time = now()) < end) {
        if (!measuring && time >= begin) {
            measuring = 1;
            arrived_before = messages;
            forget_figures();
            event("measuring");
            cpu = cpu_seconds();
        }
        uint64_t due = (uint64_t)(options.rate * (double)(time - start) / 1e9);
        for (int burst = 0; sent < due && burst < 256; burst++, sent++) {
            struct client *client = &clients[sent % (uint64_t)options.connections];
            if (client->out.length > MAX_PENDING) {
                held_back++;
                continue;
            }
            queue_message(client, start + (uint64_t)((double)sent * 1e9 / options.rate));
            flush_out(client);
        }
        turn(sent < due ? 0 : 1, 0, 0);
    }
    in_window = messages;
    wall = (double)(now() - begin) / 1e9;
    cpu = cpu_seconds() - cpu;
    while (arrived_before + messages + held_back < sent && now() < end + 5 * SECOND)
        turn(50, 0, 0);
    snprintf(extra, sizeof extra, ", \"offered\": %.0f, \"sent\": %llu, \"held_back\": %llu, \"arrived\": %llu",
             options.rate, (unsigned long long)sent, (unsigned long long)held_back,
             (unsigned long long)(arrived_before + messages));
    result(wall, cpu, (double)in_window, extra);
}

static void run_idle(void)
{
    hold(options.seconds);
    event("held");
    if (options.rate > 0)
        drive();
    else
        result(options.seconds, 0, 0, "");
}

static void raise_limit(int descriptors)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= (rlim_t)descriptors)
        return;
    limit.rlim_cur = (rlim_t)descriptors;
    if (limit.rlim_max < limit.rlim_cur)
        limit.rlim_max = limit.rlim_cur;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        fail("%d file descriptors are not allowed here: %s", descriptors, strerror(errno));
}

static void read_options(int count, char **arguments)
{
    static const struct option known[] = {
        {"protocol", 1, 0, 'p'}, {"mode", 1, 0, 'm'},    {"host", 1, 0, 'h'},        {"port", 1, 0, 'P'},
        {"connections", 1, 0, 'n'}, {"outstanding", 1, 0, 'k'}, {"size", 1, 0, 's'}, {"batch", 1, 0, 'b'},
        {"ramp", 1, 0, 'r'},     {"warm-up", 1, 0, 'w'}, {"seconds", 1, 0, 't'},     {"heartbeat", 1, 0, 'H'},
        {"rate", 1, 0, 'R'},     {"drive-seconds", 1, 0, 'D'}, {0, 0, 0, 0},
    };
    for (int c; (c = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (c) {
        case 'p': options.protocol = optarg; break;
        case 'm': options.mode = optarg; break;
        case 'h': options.host = optarg; break;
        case 'P': options.port = atoi(optarg); break;
        case 'n': options.connections = atoi(optarg); break;
        case 'k': options.outstanding = atoi(optarg); break;
        case 's': options.size = atoi(optarg); break;
        case 'b': options.batch = atoi(optarg); break;
        case 'r': options.ramp = atoi(optarg); break;
        case 'w': options.warm_up = atof(optarg); break;
        case 't': options.seconds = atof(optarg); break;
        case 'H': options.heartbeat = atof(optarg); break;
        case 'R': options.rate = atof(optarg); break;
        case 'D': options.drive_seconds = atof(optarg); break;
        default: exit(2);
        }
    }
    for (size_t i = 0; i < sizeof wires / sizeof *wires; i++)
        if (!strcmp(wires[i].name, options.protocol))
            wire = &wires[i];
    int odd = options.connections % 2 && strcmp(options.mode, "fanout");
    if (!wire || !options.port || options.size < STAMP || options.connections < 2 || odd)
        fail("needs --port, --protocol es6|mqtt|nats, --size of at least 16 and an even number of --connections");
}

int main(int count, char **arguments)
{
    read_options(count, arguments);
    int flooding = !strcmp(options.mode, "flood"), idle = !strcmp(options.mode, "idle");
    int arriving = !strcmp(options.mode, "arrive");
    fanout = !strcmp(options.mode, "fanout");
    if ((flooding || idle || arriving) && strcmp(wire->name, "es6"))
        fail("--mode %s speaks es6 only", options.mode);
    raise_limit(options.connections + 64);
    poller = epoll_create1(EPOLL_CLOEXEC);
    clients = calloc((size_t)options.connections, sizeof *clients);
    if (poller < 0 || !clients)
        fail("no memory or no epoll");
    if (arriving) {
        run_arrive();
        return 0;
    }
    log_all_on(flooding);
    event("logged_on");
    if (flooding)
        run_flood();
    else if (fanout)
        run_fanout();
    else if (idle)
        run_idle();
    else
        run_relay();
    return 0;
}
