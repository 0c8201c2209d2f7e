package lwm2m.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.dtls.cipher.CipherSuite;

/** The part of the DTLS configuration that client and reference server share. */
final class DtlsSettings {
    private DtlsSettings() {}

    /** From {"suite":"TLS_PSK_WITH_AES_128_CCM_8","cidLength":6,"mtu":1280}: without cidLength no Connection ID is agreed. */
    static void apply(Configuration configuration, JsonNode settings) {
        configuration.set(DtlsConfig.DTLS_RECOMMENDED_CIPHER_SUITES_ONLY, false);
        if (settings.has("suite")) {
            configuration.set(DtlsConfig.DTLS_CIPHER_SUITES, List.of(CipherSuite.valueOf(settings.get("suite").asText())));
        }
        configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, settings.has("cidLength") ? settings.get("cidLength").asInt() : -1);
        if (settings.has("mtu")) configuration.set(DtlsConfig.DTLS_MAX_TRANSMISSION_UNIT, settings.get("mtu").asInt());
    }
}
