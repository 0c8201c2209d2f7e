/*
 * A DTLS 1.2 client on Mbed TLS: stdin and stdout carry application data, stderr tells of the handshake. Arguments are
 * name=value: port, suite (Mbed TLS's name), psk and psk_identity, or certificate, key and trust (PEM files); cid (hex of
 * its own Connection ID, may be empty), mtu. SIGUSR1 has it go on from a fresh local port. It ends when its stdin does.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mbedtls/ctr_drbg.h"
#include "mbedtls/entropy.h"
#include "mbedtls/net_sockets.h"
#include "mbedtls/ssl.h"
#include "mbedtls/timing.h"

#define LARGEST 16384
#define POLL_MS 100

static mbedtls_ssl_context ssl;
static mbedtls_ssl_config config;
static mbedtls_net_context net;
static volatile sig_atomic_t rebind_wanted;

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

static void check(int result, const char *what) {
  if (result == 0) return;
  fprintf(stderr, "failed: %s: -0x%04x\n", what, (unsigned int) -result);
  exit(1);
}

static size_t from_hex(const char *hex, unsigned char *out, size_t room) {
  size_t length = strlen(hex) / 2;
  if (length > room) check(-1, "hex too long");
  for (size_t i = 0; i < length; i++) sscanf(hex + 2 * i, "%2hhx", &out[i]);
  return length;
}

static void connect_socket(const char *port) {
  mbedtls_net_context fresh;
  mbedtls_net_init(&fresh);
  check(mbedtls_net_connect(&fresh, "127.0.0.1", port, MBEDTLS_NET_PROTO_UDP), "connect");
  check(mbedtls_net_set_nonblock(&fresh), "nonblock");
  mbedtls_net_free(&net);
  net = fresh;
}

/* The alert that the server sent last, where the result says that there was one. */
static void tell_alert(int result) {
  if (result == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) fprintf(stderr, "alert %d\n", ssl.in_msg[1]);
  else if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) fprintf(stderr, "alert 0\n");
  else if (result < 0) fprintf(stderr, "failed: -0x%04x\n", (unsigned int) -result);
}

static int is_waiting(int result) {
  return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
}

static void shake_hands(void) {
  int result;
  while (is_waiting(result = mbedtls_ssl_handshake(&ssl))) {
    struct pollfd socket = {.fd = net.fd, .events = POLLIN};
    poll(&socket, 1, POLL_MS);
  }
  if (result != 0) {
    tell_alert(result);
    exit(1);
  }
  unsigned char peer[MBEDTLS_SSL_CID_OUT_LEN_MAX];
  size_t length = 0;
  int enabled = 0;
  mbedtls_ssl_get_peer_cid(&ssl, &enabled, peer, &length);
  fprintf(stderr, "cid %s ", enabled ? "agreed" : "none");
  for (size_t i = 0; i < length && enabled; i++) fprintf(stderr, "%02x", peer[i]);
  fprintf(stderr, "\nestablished %s\n", mbedtls_ssl_get_ciphersuite(&ssl));
}

/* Hands on what the server sends. Returns 0 when the session is over. */
static int receive(void) {
  unsigned char data[LARGEST];
  int result;
  while ((result = mbedtls_ssl_read(&ssl, data, sizeof(data))) > 0) {
    if (write(STDOUT_FILENO, data, (size_t) result) != result) return 0;
  }
  if (is_waiting(result)) return 1;
  tell_alert(result);
  return 0;
}

/* Sends what stdin brings as one record. Returns 0 at its end. */
static int transmit(void) {
  unsigned char data[LARGEST];
  ssize_t length = read(STDIN_FILENO, data, sizeof(data));
  if (length <= 0) return length < 0 && errno == EINTR;
  return mbedtls_ssl_write(&ssl, data, (size_t) length) > 0;
}

static void carry(const char *port) {
  for (;;) {
    struct pollfd both[2] = {{.fd = net.fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
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
  while (mbedtls_ssl_close_notify(&ssl) == MBEDTLS_ERR_SSL_WANT_WRITE) continue;
}

int main(int count, char **arguments) {
  static mbedtls_entropy_context entropy;
  static mbedtls_ctr_drbg_context random;
  static mbedtls_timing_delay_context timer;
  static mbedtls_x509_crt own, trust;
  static mbedtls_pk_context key;
  static int suites[2];
  unsigned char psk[64], cid[MBEDTLS_SSL_CID_IN_LEN_MAX];
  const char *port = argument(count, arguments, "port");
  const char *value;

  signal(SIGUSR1, on_signal);
  mbedtls_entropy_init(&entropy);
  mbedtls_ctr_drbg_init(&random);
  check(mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0), "seed");
  mbedtls_ssl_config_init(&config);
  check(mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT), "defaults");
  mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
  mbedtls_ssl_conf_max_tls_version(&config, MBEDTLS_SSL_VERSION_TLS1_2);
  suites[0] = mbedtls_ssl_get_ciphersuite_id(argument(count, arguments, "suite"));
  mbedtls_ssl_conf_ciphersuites(&config, suites);
  if ((value = argument(count, arguments, "psk")) != NULL) {
    size_t length = from_hex(value, psk, sizeof(psk));
    const char *identity = argument(count, arguments, "psk_identity");
    check(mbedtls_ssl_conf_psk(&config, psk, length, (const unsigned char *) identity, strlen(identity)), "psk");
  } else {
    mbedtls_pk_init(&key);
    check(mbedtls_x509_crt_parse_file(&own, argument(count, arguments, "certificate")), "certificate");
    check(mbedtls_pk_parse_keyfile(&key, argument(count, arguments, "key"), NULL, mbedtls_ctr_drbg_random, &random), "key");
    check(mbedtls_x509_crt_parse_file(&trust, argument(count, arguments, "trust")), "trust");
    check(mbedtls_ssl_conf_own_cert(&config, &own, &key), "own certificate");
    mbedtls_ssl_conf_ca_chain(&config, &trust, NULL);
  }
  size_t cid_length = 0;
  const char *cid_hex = argument(count, arguments, "cid");
  if (cid_hex != NULL) {
    cid_length = from_hex(cid_hex, cid, sizeof(cid));
    check(mbedtls_ssl_conf_cid(&config, cid_length, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE), "cid length");
  }
  mbedtls_ssl_init(&ssl);
  check(mbedtls_ssl_setup(&ssl, &config), "setup");
  check(mbedtls_ssl_set_hostname(&ssl, "localhost"), "host name");
  if (cid_hex != NULL) check(mbedtls_ssl_set_cid(&ssl, MBEDTLS_SSL_CID_ENABLED, cid, cid_length), "cid");
  if ((value = argument(count, arguments, "mtu")) != NULL) mbedtls_ssl_set_mtu(&ssl, (uint16_t) atoi(value));
  mbedtls_net_init(&net);
  connect_socket(port);
  mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
  mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
  shake_hands();
  carry(port);
  return 0;
}
