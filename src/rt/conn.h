// SPDX-License-Identifier: ISC
//
// Connections and the sessions on them. A protocol is four entry points; the runtime parks the
// session between commands, keeping its struct, the socket and the TLS object, but no stack and no
// buffer. One and the same code for plain text, TLS, and the simulator.
#pragma once

#include "base/buf.h"
#include "proto/dns/record.h"
#include "rt/rt.h"

struct rt_tls;        // rt/tls.h
struct rt_tls_client; // rt/tls.h

enum rt_next {
    RT_NEXT,  // on with the next command; parks while no input is there
    RT_CLOSE, // flush what was put, then close
};

/// Why a parked session is woken; bits.
enum rt_wake {
    RT_WAKE_NOTIFY = 1,   // rt_notify was called
    RT_WAKE_IDLE = 2,     // nothing came for idle_ms
    RT_WAKE_SHUTDOWN = 4, // the process ends: say goodbye (421, BYE) and return RT_CLOSE
};

/// Each entry runs as a task, but close. `session` is zeroed memory of session_size bytes.
struct rt_protocol {
    const char *name;
    size_t session_size;
    int (*open)(void *session, struct rt_conn *conn);    // greet; implicit TLS is up already
    int (*command)(void *session, struct rt_conn *conn); // there is input: handle ONE command
    int (*wake)(void *session, struct rt_conn *conn, unsigned why);
    void (*close)(void *session); // always the last; no waiting; also after a failed open
    uint32_t idle_ms;             // how long a session may stay parked (0: for ever)
    uint32_t command_ms;          // deadline of one entry's run (0: none)
};

// ---- listening and dialling

/// "127.0.0.1", "::" (IPv6 only; 0.0.0.0 may stand beside it), or "/path" of a unix socket (then
/// port is ignored; a file left over by a dead process is replaced, and removed at the end).
struct rt_listen {
    const char *address;
    uint16_t port; // 0: the kernel chooses
    const struct rt_protocol *protocol;
    void *context;      // what rt_conn_context gives to the sessions
    void *gate;         // what admit and left get
    struct rt_tls *tls; // not NULL: TLS before open (465, 993, 995)
    unsigned mode;      // of a unix socket
    /// May refuse a peer before a session is made; NULL: all welcome. When it returns false it may
    /// have set *refusal to a line that is sent (plain text) before closing.
    bool (*admit)(void *gate, struct str peer, struct str *refusal);
    /// [await] Runs before TLS and before open, with a deadline of five seconds; it may read with
    /// rt_read_early and say who the peer is. Negative: the connection is closed. NULL: nothing.
    int (*before)(void *gate, struct rt_conn *conn);
    /// Told when a connection that was admitted ends.
    void (*left)(void *gate, struct str peer);
};
/// Listens on all loops. *out_port gets the port. 0 or -errno. Before or during rt_run. The struct
/// is copied.
int rt_listen(struct rt *rt, const struct rt_listen *what, uint16_t *out_port);

/// [await] As rt_dial, from a local address of ours (numeric; NULL: the kernel's choice).
/// -EAFNOSUPPORT when one is IPv6 and the other IPv4; -EADDRNOTAVAIL when it is none of ours.
int rt_dial_from(const char *source, const char *address, uint16_t port, uint32_t timeout_ms,
                 struct rt_conn **out);
/// [await] A connection of the calling task, to a numeric address or a "/path". Ends by rt_hang_up.
int rt_dial(const char *address, uint16_t port, uint32_t timeout_ms, struct rt_conn **out);
/// Flushes nothing, closes. Only for connections from rt_dial.
void rt_hang_up(struct rt_conn *conn);

// ---- reading

/// [await] The next line without its line end; the view lives until the next call on conn. `max`
/// counts the bytes before the line end, at most 1 MiB. 0; RT_BARE_LF when the line ended with an
/// LF that had no CR before it; RT_LINE_TOO_LONG when it was longer: it was read away to its end
/// (but at most 16 MiB of it, then -EMSGSIZE), *out holds its first bytes; -ECONNRESET at the end
/// of input.
enum { RT_BARE_LF = 1, RT_LINE_TOO_LONG = 2 };
int rt_line(struct rt_conn *conn, size_t max, struct str *out);
/// [await] What has arrived, at least one byte, at most 64 KiB; not yet eaten. -ECONNRESET at the
/// end of input.
int rt_peek(struct rt_conn *conn, struct str *out);
/// Eats `len` bytes of what rt_peek gave.
void rt_eat(struct rt_conn *conn, size_t len);
/// Is there input that has been read but not eaten? (Pipelining: answers may wait for each other.)
bool rt_has_input(const struct rt_conn *conn);

/// What has arrived so far, read without waiting and not eaten; empty when there is nothing. Also
/// after writing failed: a peer that closes while we write may have said why.
struct str rt_look(struct rt_conn *conn);

// ---- writing: collected, and sent when the session waits for input, ends, or 64 KiB are waiting

/// [await] only past the high-water mark. 0 or -errno, which later calls repeat; so it is enough to
/// look at what flush, line or peek return. After -ETIMEDOUT or -ECANCELED a few last words may
/// still be put: what the kernel takes of them without waiting is sent when the session ends.
int rt_put(struct rt_conn *conn, struct str bytes);
__attribute__((format(printf, 2, 3))) int rt_putf(struct rt_conn *conn, const char *format, ...);
/// [await] until everything is with the kernel.
int rt_flush(struct rt_conn *conn);

/// [await] Only in `before`: exactly so many bytes, and none more, from the socket. 0 or -errno.
int rt_read_early(struct rt_conn *conn, void *to, size_t len);

// ---- TLS on a running connection

/// [await] Server side of STARTTLS: flushes what was put (the "220 go ahead"), throws away plain
/// text that was sent ahead (CVE-2011-0411), shakes hands. On failure the connection is dead.
int rt_start_tls(struct rt_conn *conn, struct rt_tls *tls);
/// [await] Client side; `server_name` for SNI and, when the client verifies, for the certificate.
int rt_start_tls_client(struct rt_conn *conn, struct rt_tls_client *tls, const char *server_name);

/// How a client looks at the server's certificate, connection by connection.
enum rt_verify {
    RT_VERIFY_NONE, // take any (RFC 7435: better than plain text); verify_error tells what it was
    RT_VERIFY_PKIX, // a chain to an authority, and one of `names`; else the handshake fails
    RT_VERIFY_DANE, // one of the TLSA records (RFC 7672); else the handshake fails
};
struct rt_tls_policy {
    enum rt_verify verify;
    const char *server_name;        // SNI
    const char *const *names;       // PKIX and DANE-TA: the certificate has one of these
    size_t name_count;              // 0: server_name
    bool allow_wildcards;           // RFC 8461 4.1: "*.example.org" in the certificate is fine
    const struct dns_tlsa *records; // DANE
    size_t record_count;
};
/// [await] As rt_start_tls_client, by a policy instead of the client's own rule; `tls` brings the
/// authorities. -EACCES when the certificate is refused; *why (may be NULL) says what was wrong, of
/// every failure, and rt_conn_tls what kind of failure it was. -ENOTSUP: none of the TLSA records
/// can be used (RFC 7672 2.2: then TLS is a must, but any certificate will do); nothing was sent,
/// so another policy may follow at once. Of TLSA records only usages 2 and 3 count (RFC 7672
/// 3.1.3).
int rt_start_tls_policy(struct rt_conn *conn, struct rt_tls_client *tls,
                        const struct rt_tls_policy *policy, struct buf *why);

/// What was wrong with the other side, told apart as RFC 8460 4.3 does.
enum rt_tls_failure {
    RT_TLS_FINE,
    RT_TLS_EXPIRED,    // certificate-expired; or not valid yet
    RT_TLS_WRONG_NAME, // certificate-host-mismatch
    RT_TLS_UNTRUSTED,  // certificate-not-trusted: no chain to an authority
    RT_TLS_NO_MATCH,   // none of the TLSA records is the certificate's: validation-failure
    RT_TLS_BROKEN,     // anything else, the handshake itself too: validation-failure
};

struct rt_tls_info {
    const char *version; // "TLSv1.3"
    const char *cipher;  // "TLS_AES_256_GCM_SHA384"
    int bits;
    const char *server_name; // SNI, or ""
    const char
        *verify_error; // clients: NULL when the peer's certificate was verified, else why not
    enum rt_tls_failure failure; // clients: the same in a word
    // Clients: of the peer's certificate; "" and 0 when there was none.
    const char *subject, *issuer;
    int64_t not_after;       // seconds since 1970
    const char *fingerprint; // SHA-256, 64 hexadecimal digits
    const char *tlsa;        // the record it fits, "3 1 1 AB01...", or ""
};
/// False without TLS. Views live as long as the connection. `out` may be NULL. A client may ask
/// after a failed handshake, too.
bool rt_conn_tls(const struct rt_conn *conn, struct rt_tls_info *out);
/// RFC 9266 tls-exporter (TLS 1.3) and RFC 5929 tls-unique (1.2). False when there is none. `max`
/// >= 64.
bool rt_conn_channel_binding(struct rt_conn *conn, const char *type, char *to, size_t max,
                             size_t *out_len);

// ---- compression on a running connection

/// [await] Flushes what was put; from there on, both directions are raw deflate (RFC 1951), below
/// the buffers and above TLS (RFC 4978). Every flush of ours ends with a sync flush. Memory does
/// not depend on what the other side sends; nonsense is -EPROTO.
int rt_start_deflate(struct rt_conn *conn);
/// [await] Flushes what was put, and ends it (RFC 8437 4.1): what the other side sends behind the
/// flush of the line that was read last is plain. -EPROTO when it had said more before that.
int rt_stop_deflate(struct rt_conn *conn);
bool rt_is_deflated(const struct rt_conn *conn);

// ---- about a connection

void *rt_conn_context(const struct rt_conn *conn);
/// The other end's address as text without port, "192.0.2.1", "2001:db8::1", "unix"; lives with
/// conn.
struct str rt_conn_peer(const struct rt_conn *conn);
uint16_t rt_conn_peer_port(const struct rt_conn *conn);
struct str rt_conn_local(const struct rt_conn *conn);
/// A proxy said whose connection this is: from now on that address is the peer, here and for
/// `admit` and `left`. -EACCES: admit refused it (its words are put); -EINVAL: no address.
int rt_conn_set_peer(struct rt_conn *conn, struct str peer, uint16_t port);
/// The same for our own end.
void rt_conn_set_local(struct rt_conn *conn, struct str local);
/// A number for the log that no other connection of this process has.
uint64_t rt_conn_id(const struct rt_conn *conn);
/// From the next parking on (IDLE 30 minutes, pre-login 1 minute).
void rt_conn_set_idle_ms(struct rt_conn *conn, uint32_t ms);
/// A new deadline for the entry now running, from now (DATA lasts longer than NOOP).
void rt_conn_set_command_ms(struct rt_conn *conn, uint32_t ms);

// ---- notifications: how another thread wakes a parked session

struct rt_handle {
    uint32_t loop, slot;
    uint64_t generation;
};
struct rt_handle rt_conn_handle(const struct rt_conn *conn);
/// Any thread. Coalesced; a handle whose connection is gone is a no-op. A running session is woken
/// when it parks.
void rt_notify(struct rt *rt, struct rt_handle handle);
