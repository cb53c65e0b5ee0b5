/* The link between two network namespaces: it takes IP packets from a TUN device in each, loses some, queues the rest
 * behind a rate, and gives them to the other one when their time has come.
 *
 *   pump NAMESPACE NAMESPACE DEVICE SEED  RATE QUEUE DELAY JITTER LOSS  RATE QUEUE DELAY JITTER LOSS
 *
 * A namespace is a path that setns takes; the device is there already, and has its address. The first five numbers are
 * for packets that the first namespace sends: bytes a second (0: no limit) and bytes of queue, seconds of delay and of
 * what jitter adds at most (evenly distributed, so that packets overtake one another), chance to be lost. First a packet
 * may be lost, then it may find the queue full, then it takes its time on the line, then the delay: as in tests/sim.
 *
 * Prints {"ready": true}, and at SIGTERM what became of the packets of each direction, and how late they were: the time
 * between the moment that was meant and the one when the packet was handed over. Ends when whoever started it does. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 2048, BATCH = 64, LATENESS = 1000 }; /* lateness is counted in steps of 10 us up to 10 ms */

struct packet {
    double due;
    uint64_t order;
    int way, size;
    unsigned char bytes[MOST];
};

struct way {
    double rate, queue, delay, jitter, loss, free_at;
    uint64_t state; /* of its own: the nth packet of a direction is lost, whatever the other direction does */
    uint64_t passed, bytes, lost, dropped, refused;
    double longest; /* queue, in bytes */
    uint64_t late[LATENESS];
    double latest;
};

static struct way ways[2];
static struct packet **heap, **spare;
static size_t heaped, spared, room;
static uint64_t order;
static volatile sig_atomic_t is_over;

static void fail(const char *what)
{
    fprintf(stderr, "pump: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void end(int signal)
{
    (void)signal;
    is_over = 1;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static double chance(struct way *way) /* xorshift64* */
{
    way->state ^= way->state >> 12;
    way->state ^= way->state << 25;
    way->state ^= way->state >> 27;
    return (double)((way->state * 2685821657736338717ULL) >> 11) / 9007199254740992.0;
}

static int is_before(const struct packet *a, const struct packet *b)
{
    return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static struct packet *blank(void)
{
    if (spared)
        return spare[--spared];
    struct packet *made = malloc(sizeof *made);
    if (!made)
        fail("malloc");
    return made;
}

static void keep(struct packet *packet)
{
    if (heaped == room) {
        room = room ? 2 * room : 1024;
        heap = realloc(heap, room * sizeof *heap);
        spare = realloc(spare, room * sizeof *spare);
        if (!heap || !spare)
            fail("realloc");
    }
    size_t at = heaped++;
    while (at && is_before(packet, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = packet;
}

static struct packet *take(void)
{
    struct packet *first = heap[0], *last = heap[--heaped];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < heaped) {
        if (child + 1 < heaped && is_before(heap[child + 1], heap[child]))
            child++;
        if (!is_before(heap[child], last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

static void reuse(struct packet *packet)
{
    if (spared < room)
        spare[spared++] = packet;
    else
        free(packet);
}

/* When a packet that came at `t` is to be handed over; negative: never. */
static double due(struct way *way, int size, double t)
{
    if (chance(way) < way->loss) {
        way->lost++;
        return -1;
    }
    if (way->rate > 0) {
        double begins = way->free_at > t ? way->free_at : t;
        double waiting = (begins - t) * way->rate + size;
        if (waiting > way->queue) {
            way->dropped++;
            return -1;
        }
        if (waiting > way->longest)
            way->longest = waiting;
        t = way->free_at = begins + size / way->rate;
    }
    return t + way->delay + (way->jitter > 0 ? way->jitter * chance(way) : 0);
}

static void receive(int device, int which)
{
    for (int i = 0; i < BATCH; i++) {
        struct packet *packet = blank();
        ssize_t size = read(device, packet->bytes, MOST);
        if (size <= 0) {
            reuse(packet);
            if (size < 0 && errno != EAGAIN)
                fail("read");
            return;
        }
        packet->size = (int)size;
        packet->way = which;
        packet->order = order++;
        packet->due = due(&ways[which], (int)size, now());
        if (packet->due < 0)
            reuse(packet);
        else
            keep(packet);
    }
}

static void deliver(const int *devices, double t)
{
    while (heaped && heap[0]->due <= t) {
        struct packet *packet = take();
        struct way *way = &ways[packet->way];
        if (write(devices[1 - packet->way], packet->bytes, packet->size) == packet->size) {
            way->passed++;
            way->bytes += packet->size;
        } else {
            way->refused++;
        }
        double late = now() - packet->due;
        int step = (int)(late * 1e5);
        way->late[step < LATENESS ? step : LATENESS - 1]++;
        if (late > way->latest)
            way->latest = late;
        reuse(packet);
    }
}

static int attach(const char *space, const char *name)
{
    int there = open(space, O_RDONLY | O_CLOEXEC);
    if (there < 0 || setns(there, CLONE_NEWNET))
        fail(space);
    close(there);
    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (device < 0)
        fail("/dev/net/tun");
    struct ifreq request;
    memset(&request, 0, sizeof request);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(device, TUNSETIFF, &request))
        fail("TUNSETIFF");
    return device;
}

static double p99(const struct way *way)
{
    uint64_t all = 0, seen = 0;
    for (int i = 0; i < LATENESS; i++)
        all += way->late[i];
    for (int i = 0; i < LATENESS; i++)
        if ((seen += way->late[i]) * 100 >= all * 99)
            return (i + 1) * 0.01;
    return 0;
}

static void report(void)
{
    printf("{\"ways\": [");
    for (int i = 0; i < 2; i++) {
        struct way *w = &ways[i];
        printf("%s{\"passed\": %llu, \"bytes\": %llu, \"lost\": %llu, \"dropped\": %llu, \"refused\": %llu, "
               "\"longest_queue\": %.0f, \"late_p99_ms\": %.2f, \"late_max_ms\": %.2f}",
               i ? ", " : "", (unsigned long long)w->passed, (unsigned long long)w->bytes, (unsigned long long)w->lost,
               (unsigned long long)w->dropped, (unsigned long long)w->refused, w->longest, p99(w), w->latest * 1e3);
    }
    printf("]}\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc != 15) {
        fprintf(stderr, "pump: see the head of pump.c for its 14 arguments\n");
        return 2;
    }
    signal(SIGTERM, end);
    signal(SIGINT, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    for (int i = 0; i < 2; i++) {
        char **numbers = argv + 5 + 5 * i;
        ways[i].rate = atof(numbers[0]);
        ways[i].queue = atof(numbers[1]);
        ways[i].delay = atof(numbers[2]);
        ways[i].jitter = atof(numbers[3]);
        ways[i].loss = atof(numbers[4]);
        ways[i].state = (2 * strtoull(argv[4], NULL, 10) + i + 1) * 0x9E3779B97F4A7C15ULL;
        for (int j = 0; j < 20; j++)
            chance(&ways[i]);
    }
    int devices[2] = {attach(argv[1], argv[3]), attach(argv[2], argv[3])};
    /* Delays are to be kept beside programs that use all cores; where that is not allowed, lateness will show it. */
    struct sched_param priority = {.sched_priority = 10};
    if (sched_setscheduler(0, SCHED_FIFO, &priority))
        fprintf(stderr, "pump: without real-time priority: %s\n", strerror(errno));
    struct pollfd polled[2] = {{devices[0], POLLIN, 0}, {devices[1], POLLIN, 0}};
    pid_t parent = getppid();
    printf("{\"ready\": true}\n");
    fflush(stdout);
    while (!is_over && getppid() == parent) {
        double wait = heaped ? heap[0]->due - now() : 0.5;
        wait = wait < 0 ? 0 : wait > 0.5 ? 0.5 : wait;
        struct timespec most = {(time_t)wait, (long)((wait - (time_t)wait) * 1e9)};
        int ready = ppoll(polled, 2, &most, NULL);
        if (ready < 0 && errno != EINTR)
            fail("ppoll");
        for (int i = 0; ready > 0 && i < 2; i++)
            if (polled[i].revents)
                receive(devices[i], i);
        deliver(devices, now());
    }
    report();
    return 0;
}
