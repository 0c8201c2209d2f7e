package lwm2m.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.HexFormat;
import org.eclipse.californium.elements.util.SslContextUtil;
import org.eclipse.leshan.client.object.Security;
import org.eclipse.leshan.core.CertificateUsage;

/** The client's instance of object 0, from the "security" of its settings. */
final class SecurityObject {
    private SecurityObject() {}

    /** PEM files become what OMA LwM2M Core 1.1 appendix E.1 asks for: certificates, and keys as SubjectPublicKeyInfo and PKCS #8. */
    static Security of(String uri, int server, JsonNode security) throws IOException, GeneralSecurityException {
        return switch (security.path("mode").asText("none")) {
            case "psk" -> Security.psk(uri, server, security.get("identity").asText().getBytes(StandardCharsets.UTF_8),
                    HexFormat.of().parseHex(security.get("keyHex").asText()));
            case "rpk" -> Security.rpk(uri, server, publicKey(security, "publicKeyFile"), privateKey(security),
                    publicKey(security, "peerKeyFile"));
            case "x509" -> Security.x509(uri, server, certificate(security, "certificateFile"), privateKey(security),
                    certificate(security, "trustFile"), CertificateUsage.TRUST_ANCHOR_ASSERTION.code);
            default -> Security.noSec(uri, server);
        };
    }

    /** The bootstrap account. */
    static Security ofBootstrap(String uri, JsonNode security) throws IOException, GeneralSecurityException {
        return switch (security.path("mode").asText("none")) {
            case "psk" -> Security.pskBootstrap(uri, security.get("identity").asText().getBytes(StandardCharsets.UTF_8),
                    HexFormat.of().parseHex(security.get("keyHex").asText()));
            case "rpk" -> Security.rpkBootstrap(uri, publicKey(security, "publicKeyFile"), privateKey(security),
                    publicKey(security, "peerKeyFile"));
            case "x509" -> Security.x509Bootstrap(uri, certificate(security, "certificateFile"), privateKey(security),
                    certificate(security, "trustFile"), CertificateUsage.TRUST_ANCHOR_ASSERTION.code);
            default -> Security.noSecBootstrap(uri);
        };
    }

    private static byte[] privateKey(JsonNode security) throws IOException, GeneralSecurityException {
        return SslContextUtil.loadPrivateKey(security.get("keyFile").asText(), null, null, null).getEncoded();
    }

    private static byte[] publicKey(JsonNode security, String file) throws IOException, GeneralSecurityException {
        return SslContextUtil.loadPublicKey(security.get(file).asText(), null, null).getEncoded();
    }

    private static byte[] certificate(JsonNode security, String file) throws IOException, GeneralSecurityException {
        return SslContextUtil.loadTrustedCertificates(security.get(file).asText())[0].getEncoded();
    }
}
