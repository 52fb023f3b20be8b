/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
    const char *network;
    enum lun_fetch_reach reach;
};

/* The registries of special-purpose addresses (RFC 6890 and what was added to
 * it since); the first match counts. */
static const struct range RANGES[] = {
    {"127.0.0.0/8", LUN_FETCH_PRIVATE},
    {"10.0.0.0/8", LUN_FETCH_PRIVATE},
    {"172.16.0.0/12", LUN_FETCH_PRIVATE},
    {"192.168.0.0/16", LUN_FETCH_PRIVATE},
    {"100.64.0.0/10", LUN_FETCH_PRIVATE},
    {"0.0.0.0/8", LUN_FETCH_SPECIAL},
    {"169.254.0.0/16", LUN_FETCH_SPECIAL},
    {"192.0.0.0/24", LUN_FETCH_SPECIAL},
    {"192.0.2.0/24", LUN_FETCH_SPECIAL},
    {"192.88.99.0/24", LUN_FETCH_SPECIAL},
    {"198.18.0.0/15", LUN_FETCH_SPECIAL},
    {"198.51.100.0/24", LUN_FETCH_SPECIAL},
    {"203.0.113.0/24", LUN_FETCH_SPECIAL},
    {"224.0.0.0/3", LUN_FETCH_SPECIAL},
    {"0.0.0.0/0", LUN_FETCH_PUBLIC},
    {"::1/128", LUN_FETCH_PRIVATE},
    {"fc00::/7", LUN_FETCH_PRIVATE},
    {"2001::/23", LUN_FETCH_SPECIAL},
    {"2001:db8::/32", LUN_FETCH_SPECIAL},
    {"2002::/16", LUN_FETCH_SPECIAL},
    {"3fff::/20", LUN_FETCH_SPECIAL},
    {"2000::/3", LUN_FETCH_PUBLIC},
};

static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t NAT64[12] = {0, 0x64, 0xff, 0x9b};

/* The 16 bytes to compare; false for a family that is not of the internet. */
static bool bytes_of(const struct sockaddr *address, uint8_t out[16])
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        memcpy(out, MAPPED, sizeof(MAPPED));
        memcpy(out + sizeof(MAPPED), &in.sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof(in));
        memcpy(out, &in.sin6_addr, 16);
        if (!memcmp(out, NAT64, sizeof(NAT64)))
            memcpy(out, MAPPED, sizeof(MAPPED));
        return true;
    }
    return false;
}

static bool has(const struct lun_fetch_network *network,
                const uint8_t bytes[16])
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->address, bytes, whole))
        return false;
    uint8_t mask = (uint8_t)(0xff00U >> rest);
    return !rest || !((network->address[whole] ^ bytes[whole]) & mask);
}

enum lun_fetch_reach lun_fetch_address_reach(const struct sockaddr *address)
{
    uint8_t bytes[16];
    if (!bytes_of(address, bytes))
        return LUN_FETCH_SPECIAL;
    for (size_t i = 0; i < sizeof(RANGES) / sizeof(*RANGES); i++) {
        struct lun_fetch_network network;
        if (lun_fetch_network_parse(RANGES[i].network, &network) &&
            has(&network, bytes))
            return RANGES[i].reach;
    }
    return LUN_FETCH_SPECIAL;
}

bool lun_fetch_network_has(const struct lun_fetch_network *network,
                           const struct sockaddr *address)
{
    uint8_t bytes[16];
    return bytes_of(address, bytes) && has(network, bytes);
}

bool lun_fetch_network_parse(const char *text, struct lun_fetch_network *out)
{
    char host[64];
    struct lun_fetch_network network = {.bits = 128};
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    if (!len || len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    unsigned offset = strchr(host, ':') ? 0 : 96;
    memcpy(network.address, MAPPED, sizeof(MAPPED));
    if (inet_pton(offset ? AF_INET : AF_INET6, host,
                  network.address + offset / 8) != 1)
        return false;
    if (slash) {
        char *end;
        unsigned long bits = strtoul(slash + 1, &end, 10);
        if (slash[1] < '0' || slash[1] > '9' || *end || bits > 128 - offset)
            return false;
        network.bits = (unsigned)bits + offset;
    }
    *out = network;
    return true;
}

void lun_fetch_address_text(const struct sockaddr *address, char out[64])
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    const char *text = NULL;
    if (address->sa_family == AF_INET) {
        memcpy(&in, address, sizeof(in));
        text = inet_ntop(AF_INET, &in.sin_addr, out, 64);
    } else if (address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof(in6));
        text = inet_ntop(AF_INET6, &in6.sin6_addr, out, 64);
    }
    if (!text)
        snprintf(out, 64, "unknown");
}
