/*
 * A DTLS 1.2 client on wolfSSL: stdin and stdout carry application data, stderr tells of the handshake. Arguments are
 * name=value: port, suite (wolfSSL's name); psk and psk_identity, or key (PEM file) with certificate and trust (PEM files)
 * or with spki and peer_spki (raw public keys as hex); cid (hex of its own Connection ID), mtu. SIGUSR1 has it go on from
 * a fresh local port. It ends when its stdin does.
 */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGEST 16384
#define POLL_MS 100

static WOLFSSL *ssl;
static int descriptor = -1;
static volatile sig_atomic_t rebind_wanted;
static const char *psk_identity;
static unsigned char psk[64];
static unsigned int psk_length;

static void on_signal(int number) {
  (void) number;
  rebind_wanted = 1;
}

static const char *argument(int count, char **arguments, const char *name) {
  size_t length = strlen(name);
  for (int i = 1; i < count; i++) {
    if (strncmp(arguments[i], name, length) == 0 && arguments[i][length] == '=') return arguments[i] + length + 1;
  }
  return NULL;
}

static void check(int succeeded, const char *what) {
  if (succeeded) return;
  fprintf(stderr, "failed: %s\n", what);
  exit(1);
}

static unsigned int from_hex(const char *hex, unsigned char *out, size_t room) {
  size_t length = strlen(hex) / 2;
  check(length <= room, "hex too long");
  for (size_t i = 0; i < length; i++) sscanf(hex + 2 * i, "%2hhx", &out[i]);
  return (unsigned int) length;
}

static unsigned int on_psk(WOLFSSL *s, const char *hint, char *identity, unsigned int identity_room, unsigned char *key, unsigned int key_room) {
  (void) s;
  (void) hint;
  check(psk_length <= key_room && strlen(psk_identity) < identity_room, "key too long");
  strcpy(identity, psk_identity);
  memcpy(key, psk, psk_length);
  return psk_length;
}

static void connect_socket(const char *port) {
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short) atoi(port)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fresh = socket(AF_INET, SOCK_DGRAM, 0);
  check(fresh >= 0 && connect(fresh, (struct sockaddr *) &server, sizeof(server)) == 0, "connect");
  fcntl(fresh, F_SETFL, O_NONBLOCK);
  check(wolfSSL_set_dtls_fd_connected(ssl, fresh) == WOLFSSL_SUCCESS, "socket");
  if (descriptor >= 0) close(descriptor);
  descriptor = fresh;
}

/* The alert that the server sent last, where it sent one. */
static void tell_end(int error) {
  WOLFSSL_ALERT_HISTORY history;
  if (wolfSSL_get_alert_history(ssl, &history) == WOLFSSL_SUCCESS && history.last_rx.code >= 0) fprintf(stderr, "alert %d\n", history.last_rx.code);
  else fprintf(stderr, "failed: %s\n", wolfSSL_ERR_reason_error_string((unsigned long) error));
}

static int is_waiting(int error) {
  return error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE;
}

static void shake_hands(void) {
  while (wolfSSL_connect(ssl) != WOLFSSL_SUCCESS) {
    int error = wolfSSL_get_error(ssl, 0);
    struct pollfd socket = {.fd = descriptor, .events = POLLIN};
    if (is_waiting(error)) {
      int timeout_ms = 1000 * wolfSSL_dtls_get_current_timeout(ssl);
      if (poll(&socket, 1, timeout_ms) > 0 || wolfSSL_dtls_got_timeout(ssl) == WOLFSSL_SUCCESS) continue;
    }
    tell_end(error);
    exit(1);
  }
  unsigned char cid[255];
  unsigned int length = 0;
  int enabled = wolfSSL_dtls_cid_is_enabled(ssl) && wolfSSL_dtls_cid_get_tx_size(ssl, &length) == WOLFSSL_SUCCESS;
  if (enabled && length > 0) check(wolfSSL_dtls_cid_get_tx(ssl, cid, sizeof(cid)) == WOLFSSL_SUCCESS, "cid");
  fprintf(stderr, "cid %s ", enabled ? "agreed" : "none");
  for (unsigned int i = 0; enabled && i < length; i++) fprintf(stderr, "%02x", cid[i]);
  fprintf(stderr, "\nestablished %s\n", wolfSSL_get_cipher(ssl));
}

/* Hands on what the server sends. Returns 0 when the session is over. */
static int receive(void) {
  unsigned char data[LARGEST];
  int length;
  while ((length = wolfSSL_read(ssl, data, sizeof(data))) > 0) {
    if (write(STDOUT_FILENO, data, (size_t) length) != length) return 0;
  }
  int error = wolfSSL_get_error(ssl, length);
  if (is_waiting(error)) return 1;
  tell_end(error);
  return 0;
}

/* Sends what stdin brings as one record. Returns 0 at its end. */
static int transmit(void) {
  unsigned char data[LARGEST];
  ssize_t length = read(STDIN_FILENO, data, sizeof(data));
  if (length <= 0) return length < 0 && errno == EINTR;
  return wolfSSL_write(ssl, data, (int) length) > 0;
}

static void carry(const char *port) {
  for (;;) {
    struct pollfd both[2] = {{.fd = descriptor, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    poll(both, 2, POLL_MS);
    if (rebind_wanted) {
      rebind_wanted = 0;
      connect_socket(port);
      fprintf(stderr, "rebound\n");
      continue;
    }
    if (!receive()) return;
    if (both[1].revents != 0 && !transmit()) break;
  }
  wolfSSL_shutdown(ssl);
}

static void identify(WOLFSSL_CTX *context, int count, char **arguments) {
  const char *key_hex = argument(count, arguments, "psk");
  const char *spki_hex = argument(count, arguments, "spki");
  if (key_hex != NULL) {
    psk_identity = argument(count, arguments, "psk_identity");
    psk_length = from_hex(key_hex, psk, sizeof(psk));
    wolfSSL_CTX_set_psk_client_callback(context, on_psk);
    return;
  }
  if (spki_hex != NULL) {
    char raw[] = {WOLFSSL_CERT_TYPE_RPK};
    unsigned char spki[512], peer[512];
    unsigned int length = from_hex(spki_hex, spki, sizeof(spki));
    unsigned int peer_length = from_hex(argument(count, arguments, "peer_spki"), peer, sizeof(peer));
    check(wolfSSL_CTX_set_client_cert_type(context, raw, 1) == WOLFSSL_SUCCESS, "client certificate type");
    check(wolfSSL_CTX_set_server_cert_type(context, raw, 1) == WOLFSSL_SUCCESS, "server certificate type");
    check(wolfSSL_CTX_use_certificate_buffer(context, spki, length, WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS, "spki");
    check(wolfSSL_CTX_set_expected_rpk(context, peer, peer_length) == WOLFSSL_SUCCESS, "peer_spki");
  } else {
    check(wolfSSL_CTX_use_certificate_file(context, argument(count, arguments, "certificate"), WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS, "certificate");
    check(wolfSSL_CTX_load_verify_locations(context, argument(count, arguments, "trust"), NULL) == WOLFSSL_SUCCESS, "trust");
  }
  check(wolfSSL_CTX_use_PrivateKey_file(context, argument(count, arguments, "key"), WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS, "key");
}

int main(int count, char **arguments) {
  const char *port = argument(count, arguments, "port");
  const char *cid_hex = argument(count, arguments, "cid");
  const char *mtu = argument(count, arguments, "mtu");
  unsigned char cid[255];

  signal(SIGUSR1, on_signal);
  wolfSSL_Init();
  WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfDTLSv1_2_client_method());
  check(context != NULL, "context");
  check(wolfSSL_CTX_set_cipher_list(context, argument(count, arguments, "suite")) == WOLFSSL_SUCCESS, "suite");
  identify(context, count, arguments);
  ssl = wolfSSL_new(context);
  check(ssl != NULL, "session");
  if (cid_hex != NULL) {
    check(wolfSSL_dtls_cid_use(ssl) == WOLFSSL_SUCCESS, "cid");
    unsigned int length = from_hex(cid_hex, cid, sizeof(cid));
    check(wolfSSL_dtls_cid_set(ssl, cid, length) == WOLFSSL_SUCCESS, "own cid");
  }
  if (mtu != NULL) check(wolfSSL_dtls_set_mtu(ssl, (unsigned short) atoi(mtu)) == WOLFSSL_SUCCESS, "mtu");
  wolfSSL_dtls_set_using_nonblock(ssl, 1);
  connect_socket(port);
  shake_hands();
  carry(port);
  wolfSSL_free(ssl);
  wolfSSL_CTX_free(context);
  return 0;
}
