#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// OpenSSL hides these behind macros over SSL_ctrl and SSL_CTX_ctrl, or writes constants with casts: Swift imports neither.
// Threads may still be in OpenSSL when the process exits: it must not free what they use.
static inline int cssl_initialize(void) { return OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, 0); }
static inline int cssl_set_minimum_version(SSL_CTX *c, int version) { return (int)SSL_CTX_set_min_proto_version(c, version); }
static inline void cssl_keep_no_sessions(SSL_CTX *c) { SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); }
static inline int cssl_send_server_name(SSL *s, const char *name) { return (int)SSL_set_tlsext_host_name(s, name); }
// No renegotiation, no compression; with TLS 1.2 no session tickets.
static inline void cssl_switch_off_extras(SSL_CTX *c) { SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET); }
static inline int cssl_system_error(unsigned long code) { return ERR_SYSTEM_ERROR(code) ? ERR_GET_REASON(code) : 0; }
