#pragma once
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

// curl_easy_setopt and its kin are variadic functions hidden behind type-checking macros: Swift imports neither. One inline
// function per argument type steps past the macro by naming the function in parentheses.
static inline CURLcode ccurl_set_long(CURL *h, CURLoption o, long v) { return (curl_easy_setopt)(h, o, v); }
static inline CURLcode ccurl_set_offset(CURL *h, CURLoption o, curl_off_t v) { return (curl_easy_setopt)(h, o, v); }
static inline CURLcode ccurl_set_pointer(CURL *h, CURLoption o, void *v) { return (curl_easy_setopt)(h, o, v); }
static inline CURLcode ccurl_set_string(CURL *h, CURLoption o, const char *v) { return (curl_easy_setopt)(h, o, v); }
static inline CURLcode ccurl_set_headers(CURL *h, struct curl_slist *v) { return (curl_easy_setopt)(h, CURLOPT_HTTPHEADER, v); }

typedef size_t (*ccurl_data_callback)(char *, size_t, size_t, void *);
static inline CURLcode ccurl_set_data_callback(CURL *h, CURLoption o, ccurl_data_callback f) { return (curl_easy_setopt)(h, o, f); }
typedef curl_socket_t (*ccurl_open_socket_callback)(void *, curlsocktype, struct curl_sockaddr *);
static inline CURLcode ccurl_set_open_socket_callback(CURL *h, ccurl_open_socket_callback f) { return (curl_easy_setopt)(h, CURLOPT_OPENSOCKETFUNCTION, f); }

static inline CURLMcode ccurl_multi_set_long(CURLM *m, CURLMoption o, long v) { return (curl_multi_setopt)(m, o, v); }
static inline CURLMcode ccurl_multi_set_pointer(CURLM *m, CURLMoption o, void *v) { return (curl_multi_setopt)(m, o, v); }
typedef int (*ccurl_socket_callback)(CURL *, curl_socket_t, int, void *, void *);
static inline CURLMcode ccurl_multi_set_socket_callback(CURLM *m, ccurl_socket_callback f) { return (curl_multi_setopt)(m, CURLMOPT_SOCKETFUNCTION, f); }
typedef int (*ccurl_timer_callback)(CURLM *, long, void *);
static inline CURLMcode ccurl_multi_set_timer_callback(CURLM *m, ccurl_timer_callback f) { return (curl_multi_setopt)(m, CURLMOPT_TIMERFUNCTION, f); }

// CURLMsg carries an anonymous union.
static inline CURLcode ccurl_message_result(const CURLMsg *m) { return m->data.result; }
static inline long ccurl_request_bytes(CURL *h) { long v = 0; (curl_easy_getinfo)(h, CURLINFO_REQUEST_SIZE, &v); return v; }
static inline int ccurl_socket(struct curl_sockaddr *a) { return socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol); }

typedef int (*ccurl_prereq_callback)(void *, char *, char *, int, int);
static inline CURLcode ccurl_set_prereq_callback(CURL *h, ccurl_prereq_callback f) { return (curl_easy_setopt)(h, CURLOPT_PREREQFUNCTION, f); }
typedef int (*ccurl_close_socket_callback)(void *, curl_socket_t);
static inline CURLcode ccurl_set_close_socket_callback(CURL *h, ccurl_close_socket_callback f) { return (curl_easy_setopt)(h, CURLOPT_CLOSESOCKETFUNCTION, f); }
static inline CURLcode ccurl_copy_body(CURL *h, const void *bytes) { return (curl_easy_setopt)(h, CURLOPT_COPYPOSTFIELDS, bytes); }
static inline void *ccurl_private(CURL *h) { char *v = 0; (curl_easy_getinfo)(h, CURLINFO_PRIVATE, &v); return v; }
