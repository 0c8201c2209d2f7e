package lwm2m.cluster;

import org.eclipse.californium.elements.Connector;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.DTLSContext;
import org.eclipse.californium.scandium.dtls.Handshaker;
import org.eclipse.californium.scandium.dtls.SessionListener;
import org.eclipse.leshan.transport.californium.client.endpoint.CaliforniumClientEndpointFactory;
import org.eclipse.leshan.transport.californium.client.endpoint.coaps.CoapsClientEndpointFactory;
import org.eclipse.leshan.transport.californium.client.endpoint.coaps.CoapsClientProtocolProvider;

/** CoAP over DTLS whose handshakes, records and alerts are counted. */
final class FleetCoaps extends CoapsClientProtocolProvider implements SessionListener {
    private final FleetCounters counters;

    FleetCoaps(FleetCounters counters) {
        this.counters = counters;
    }

    @Override
    public CaliforniumClientEndpointFactory createDefaultEndpointFactory() {
        return new CoapsClientEndpointFactory() {
            @Override
            protected DtlsConnectorConfig.Builder createRootDtlsConnectorConfigBuilder(Configuration configuration) {
                return super.createRootDtlsConnectorConfigBuilder(configuration).setSessionListener(FleetCoaps.this).setHealthHandler(counters);
            }

            @Override
            protected Connector createSecuredConnector(DtlsConnectorConfig configuration) {
                DTLSConnector connector = new DTLSConnector(configuration);
                connector.setAlertHandler((peer, alert) -> counters.alerts.incrementAndGet());
                return connector;
            }
        };
    }

    @Override
    public void handshakeStarted(Handshaker handshaker) {}

    @Override
    public void contextEstablished(Handshaker handshaker, DTLSContext context) {}

    @Override
    public void handshakeCompleted(Handshaker handshaker) {
        (handshaker.isFullHandshake() ? counters.fullHandshakes : counters.resumptions).incrementAndGet();
    }

    @Override
    public void handshakeFailed(Handshaker handshaker, Throwable error) {
        counters.handshakesFailed.incrementAndGet();
    }

    @Override
    public void handshakeFlightRetransmitted(Handshaker handshaker, int flight) {}
}
