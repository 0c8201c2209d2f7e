package lwm2m.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.californium.elements.DtlsEndpointContext;
import org.eclipse.californium.elements.EndpointContext;
import org.eclipse.californium.elements.RawData;
import org.eclipse.californium.elements.config.CertificateAuthenticationMode;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.elements.util.SslContextUtil;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.pskstore.MultiPskStore;
import org.eclipse.californium.scandium.dtls.CertificateType;
import org.eclipse.californium.scandium.dtls.x509.SingleCertificateProvider;
import org.eclipse.californium.scandium.dtls.x509.StaticCertificateVerifier;

/**
 * Scandium's server as a reference that drivers of DTLS clients are proved against. It tells the application data that it
 * receives; with a target, it hands each client's data to that UDP port of 127.0.0.1 instead, and the answers back.
 *
 * <p>Argument: {"psk":{identity:keyHex,..}, "keyFile":pem, "publicKeyFile":pem (raw public keys), "certificateFile":pem,
 * "trustFile":pem (X.509), "suite":.., "cidLength":.., "mtu":.., "target":port}. Commands: {"do":"send","payloadHex":..} to
 * the client that sent last, {"do":"close"} ends that client's session with close_notify. Events: ready, handshake,
 * handshake-failed, data, alert.
 */
public final class ReferenceServer {
    private static final int LARGEST_DATAGRAM = 65_535;

    private final DTLSConnector connector;
    private final int target;
    /** One socket towards the target for each authenticated client, and where that client is reached. */
    private final Map<String, DatagramSocket> sockets = new ConcurrentHashMap<>();
    private final Map<String, EndpointContext> clients = new ConcurrentHashMap<>();
    private volatile EndpointContext last;

    private ReferenceServer(JsonNode settings) throws IOException, GeneralSecurityException {
        DtlsConfig.register();
        target = settings.path("target").asInt(0);
        connector = new DTLSConnector(configure(settings));
        connector.setRawDataReceiver(this::onData);
        connector.setAlertHandler((peer, alert) -> Lines.emit("alert", Lines.node().put("alert", HandshakeReporter.numberOf(alert))));
        connector.start();
    }

    public static void main(String[] args) throws Exception {
        ReferenceServer server = new ReferenceServer(Lines.parse(args[0]));
        Lines.emit("ready", Lines.node().put("port", server.connector.getAddress().getPort()));
        Lines.readCommands(server::obey);
        server.connector.destroy();
        System.exit(0);
    }

    private static DtlsConnectorConfig configure(JsonNode settings) throws IOException, GeneralSecurityException {
        Configuration configuration = new Configuration();
        DtlsSettings.apply(configuration, settings);
        configuration.set(DtlsConfig.DTLS_ROLE, DtlsConfig.DtlsRole.SERVER_ONLY);
        configuration.set(DtlsConfig.DTLS_CLIENT_AUTHENTICATION_MODE, CertificateAuthenticationMode.NEEDED);
        DtlsConnectorConfig.Builder builder = DtlsConnectorConfig.builder(configuration)
                .setAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .setSessionListener(new HandshakeReporter());
        MultiPskStore keys = new MultiPskStore();
        settings.path("psk").fields().forEachRemaining(psk -> keys.setKey(psk.getKey(), HexFormat.of().parseHex(psk.getValue().asText())));
        if (settings.has("psk")) builder.setPskStore(keys);
        if (settings.has("keyFile")) identify(builder, settings);
        return builder.build();
    }

    private static void identify(DtlsConnectorConfig.Builder builder, JsonNode settings) throws IOException, GeneralSecurityException {
        PrivateKey key = SslContextUtil.loadPrivateKey(settings.get("keyFile").asText(), null, null, null);
        StaticCertificateVerifier.Builder verifier = new StaticCertificateVerifier.Builder();
        if (settings.has("certificateFile")) {
            var chain = SslContextUtil.loadCertificateChain(settings.get("certificateFile").asText(), null, null);
            builder.setCertificateIdentityProvider(new SingleCertificateProvider(key, chain, CertificateType.X_509));
            verifier.setTrustedCertificates(SslContextUtil.loadTrustedCertificates(settings.get("trustFile").asText()));
        } else {
            var publicKey = SslContextUtil.loadPublicKey(settings.get("publicKeyFile").asText(), null, null);
            builder.setCertificateIdentityProvider(new SingleCertificateProvider(key, publicKey));
            verifier.setTrustAllRPKs();
        }
        builder.setCertificateVerifier(verifier.build());
    }

    private void obey(JsonNode command) throws InterruptedException {
        switch (command.path("do").asText()) {
            case "send" -> send(HexFormat.of().parseHex(command.path("payloadHex").asText()), last);
            case "close" -> connector.close(last.getPeerAddress());
            default -> Lines.emit("error", Lines.node().put("message", "unknown command " + command));
        }
    }

    private void send(byte[] payload, EndpointContext client) {
        connector.send(RawData.outbound(payload, client, null, false));
    }

    private void onData(RawData data) {
        last = data.getEndpointContext();
        if (target == 0) {
            Lines.emit("data", Lines.node().put("payloadHex", HexFormat.of().formatHex(data.getBytes()))
                    .put("peer", data.getInetSocketAddress().getAddress().getHostAddress() + ":" + data.getInetSocketAddress().getPort()));
            return;
        }
        String name = last.getPeerIdentity() == null ? last.get(DtlsEndpointContext.KEY_SESSION_ID).getAsString() : last.getPeerIdentity().getName();
        clients.put(name, last);
        try {
            sockets.computeIfAbsent(name, this::open)
                    .send(new DatagramPacket(data.getBytes(), data.getSize(), InetAddress.getLoopbackAddress(), target));
        } catch (IOException error) {
            Lines.emit("error", Lines.node().put("message", "target: " + error));
        }
    }

    private DatagramSocket open(String name) {
        try {
            DatagramSocket socket = new DatagramSocket(0, InetAddress.getLoopbackAddress());
            Thread answers = new Thread(() -> hand(name, socket));
            answers.setDaemon(true);
            answers.start();
            return socket;
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    private void hand(String name, DatagramSocket socket) {
        DatagramPacket packet = new DatagramPacket(new byte[LARGEST_DATAGRAM], LARGEST_DATAGRAM);
        while (true) {
            try {
                packet.setLength(LARGEST_DATAGRAM);
                socket.receive(packet);
                send(Arrays.copyOf(packet.getData(), packet.getLength()), clients.get(name));
            } catch (IOException error) {
                return;
            }
        }
    }
}
