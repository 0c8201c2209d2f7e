package lwm2m.cluster;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.californium.elements.Connector;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.leshan.transport.californium.client.endpoint.CaliforniumClientEndpointFactory;
import org.eclipse.leshan.transport.californium.client.endpoint.coaps.CoapsClientEndpointFactory;
import org.eclipse.leshan.transport.californium.client.endpoint.coaps.CoapsClientProtocolProvider;

/** CoAP over DTLS that tells of its handshakes and of the alerts it gets, and that can be made to resume its session. */
final class ReportingCoaps extends CoapsClientProtocolProvider {
    private final List<DTLSConnector> connectors = new CopyOnWriteArrayList<>();

    /** From the next message on, with an abbreviated handshake before. */
    void resumeSessions() {
        connectors.stream().filter(DTLSConnector::isRunning).forEach(DTLSConnector::forceResumeAllSessions);
    }

    /** Ends sessions with close_notify; the next message shakes hands again. */
    void forgetSessions() {
        connectors.stream().filter(DTLSConnector::isRunning).forEach(DTLSConnector::clearConnectionState);
    }

    @Override
    public CaliforniumClientEndpointFactory createDefaultEndpointFactory() {
        return new CoapsClientEndpointFactory() {
            @Override
            protected DtlsConnectorConfig.Builder createRootDtlsConnectorConfigBuilder(Configuration configuration) {
                return super.createRootDtlsConnectorConfigBuilder(configuration).setSessionListener(new HandshakeReporter());
            }

            @Override
            protected Connector createSecuredConnector(DtlsConnectorConfig configuration) {
                DTLSConnector connector = new DTLSConnector(configuration);
                connector.setAlertHandler((peer, alert) ->
                        Lines.emit("alert", Lines.node().put("alert", HandshakeReporter.numberOf(alert))));
                connectors.add(connector);
                return connector;
            }
        };
    }
}
