/*
 * modules/http/address.h - addresses that are nobody's business by default.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum lun_fetch_reach {
    LUN_FETCH_PUBLIC,  /* of the internet */
    LUN_FETCH_PRIVATE, /* of this machine or its networks */
    LUN_FETCH_SPECIAL  /* link-local, multicast, unspecified, reserved, or an
                          IPv6 address that hides an IPv4 one in a tunnel */
};

/* A network: the first `bits` of an address, IPv4 ones mapped into IPv6. */
struct lun_fetch_network {
    uint8_t address[16];
    unsigned bits;
};

/* What `address` is; IPv4 inside IPv6 (mapped, NAT64) counts as what it is. An
 * unknown family is special. */
enum lun_fetch_reach lun_fetch_address_reach(const struct sockaddr *address);
/* Reads "10.0.0.0/8", "10.1.2.3", "fd00::/8". */
bool lun_fetch_network_parse(const char *text, struct lun_fetch_network *out);
bool lun_fetch_network_has(const struct lun_fetch_network *network,
                           const struct sockaddr *address);
/* The text form, without a port. */
void lun_fetch_address_text(const struct sockaddr *address, char out[64]);
