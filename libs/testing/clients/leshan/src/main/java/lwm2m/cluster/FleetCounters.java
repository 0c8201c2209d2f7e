package lwm2m.cluster;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.californium.scandium.DtlsHealth;

/** What a fleet counts of all its devices: totals since the start. Scandium tells of the records here. */
final class FleetCounters implements DtlsHealth {
    final AtomicLong fullHandshakes = new AtomicLong();
    final AtomicLong resumptions = new AtomicLong();
    final AtomicLong handshakesFailed = new AtomicLong();
    final AtomicLong alerts = new AtomicLong();
    final AtomicLong registers = new AtomicLong();
    final AtomicLong registersUnanswered = new AtomicLong();
    final AtomicLong updates = new AtomicLong();
    final AtomicLong updatesRefused = new AtomicLong();
    final AtomicLong acknowledged = new AtomicLong();
    final AtomicLong refused = new AtomicLong();
    final AtomicLong unanswered = new AtomicLong();
    private final AtomicLong received = new AtomicLong();
    private final AtomicLong dropped = new AtomicLong();
    private final AtomicLong macErrors = new AtomicLong();

    /** {@code recordsDropped}: refused by the replay window, or wrong in another way; {@code macErrors}: not authentic. */
    ObjectNode asJson() {
        return Lines.node().put("fullHandshakes", fullHandshakes.get()).put("resumptions", resumptions.get())
                .put("handshakesFailed", handshakesFailed.get()).put("alerts", alerts.get()).put("registers", registers.get())
                .put("registersUnanswered", registersUnanswered.get())
                .put("updates", updates.get()).put("updatesRefused", updatesRefused.get()).put("acknowledged", acknowledged.get())
                .put("refused", refused.get()).put("unanswered", unanswered.get()).put("recordsReceived", received.get())
                .put("recordsDropped", dropped.get()).put("macErrors", macErrors.get());
    }

    @Override
    public boolean isEnabled() {
        return true;
    }

    @Override
    public void receivingRecord(boolean drop) {
        (drop ? dropped : received).incrementAndGet();
    }

    @Override
    public void receivingMacError() {
        macErrors.incrementAndGet();
    }

    @Override
    public void dump() {}

    @Override
    public void startHandshake() {}

    @Override
    public void endHandshake(boolean success) {}

    @Override
    public void sendingRecord(boolean drop) {}

    @Override
    public void setMaxConnections(int count) {}

    @Override
    public void setConnections(int count) {}

    @Override
    public void setPendingIncomingJobs(int count) {}

    @Override
    public void setPendingOutgoingJobs(int count) {}

    @Override
    public void setPendingHandshakeJobs(int count) {}

    @Override
    public void applicationAuthorizationRejected(boolean rejected) {}
}
