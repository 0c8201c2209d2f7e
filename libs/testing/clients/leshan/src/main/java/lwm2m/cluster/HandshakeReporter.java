package lwm2m.cluster;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.security.Principal;
import org.eclipse.californium.scandium.dtls.AlertMessage;
import org.eclipse.californium.scandium.dtls.ConnectionId;
import org.eclipse.californium.scandium.dtls.DTLSContext;
import org.eclipse.californium.scandium.dtls.HandshakeException;
import org.eclipse.californium.scandium.dtls.Handshaker;
import org.eclipse.californium.scandium.dtls.SessionListener;

/**
 * Tells of handshakes: {"event":"handshake","full":true,"suite":..,"peer":..,"principal":..,"readCid":hex,"writeCid":hex}
 * when one is complete, {"event":"handshake-failed","alert":115,"reason":..} when one fails; readCid and writeCid are null
 * where the association has none.
 */
final class HandshakeReporter implements SessionListener {
    @Override
    public void handshakeStarted(Handshaker handshaker) {}

    @Override
    public void contextEstablished(Handshaker handshaker, DTLSContext context) {}

    @Override
    public void handshakeCompleted(Handshaker handshaker) {
        DTLSContext context = handshaker.getDtlsContext();
        Principal principal = context.getSession().getPeerIdentity();
        Lines.emit("handshake", Lines.node().put("full", handshaker.isFullHandshake())
                .put("suite", context.getSession().getCipherSuite().name())
                .put("peer", handshaker.getPeerAddress().getAddress().getHostAddress() + ":" + handshaker.getPeerAddress().getPort())
                .put("principal", principal == null ? null : principal.getName())
                .put("readCid", hex(context.getReadConnectionId())).put("writeCid", hex(context.getWriteConnectionId())));
    }

    @Override
    public void handshakeFailed(Handshaker handshaker, Throwable error) {
        ObjectNode told = Lines.node().put("reason", String.valueOf(error.getMessage()));
        if (error instanceof HandshakeException failure && failure.getAlert() != null) told.put("alert", numberOf(failure.getAlert()));
        Lines.emit("handshake-failed", told);
    }

    @Override
    public void handshakeFlightRetransmitted(Handshaker handshaker, int flight) {}

    /** Number of the alert's description. */
    static int numberOf(AlertMessage alert) {
        return alert.getDescription().getCode() & 0xff;
    }

    private static String hex(ConnectionId cid) {
        return cid == null ? null : cid.getAsString().toLowerCase();
    }
}
