package lwm2m.cluster;

import de.rub.nds.modifiablevariable.util.Modifiable;
import de.rub.nds.tlsattacker.core.config.Config;
import de.rub.nds.tlsattacker.core.connection.OutboundConnection;
import de.rub.nds.tlsattacker.core.constants.CipherSuite;
import de.rub.nds.tlsattacker.core.constants.ProtocolVersion;
import de.rub.nds.tlsattacker.core.dtls.DtlsHandshakeMessageFragment;
import de.rub.nds.tlsattacker.core.layer.constant.StackConfiguration;
import de.rub.nds.tlsattacker.core.protocol.ProtocolMessage;
import de.rub.nds.tlsattacker.core.protocol.message.AlertMessage;
import de.rub.nds.tlsattacker.core.protocol.message.ApplicationMessage;
import de.rub.nds.tlsattacker.core.protocol.message.ChangeCipherSpecMessage;
import de.rub.nds.tlsattacker.core.protocol.message.ClientHelloMessage;
import de.rub.nds.tlsattacker.core.protocol.message.FinishedMessage;
import de.rub.nds.tlsattacker.core.protocol.message.HelloVerifyRequestMessage;
import de.rub.nds.tlsattacker.core.protocol.message.PskClientKeyExchangeMessage;
import de.rub.nds.tlsattacker.core.protocol.message.ServerHelloDoneMessage;
import de.rub.nds.tlsattacker.core.state.State;
import de.rub.nds.tlsattacker.core.workflow.WorkflowExecutor;
import de.rub.nds.tlsattacker.core.workflow.WorkflowExecutorFactory;
import de.rub.nds.tlsattacker.core.workflow.WorkflowTrace;
import de.rub.nds.tlsattacker.core.workflow.action.GenericReceiveAction;
import de.rub.nds.tlsattacker.core.workflow.action.ReceiveAction;
import de.rub.nds.tlsattacker.core.workflow.action.ReceiveTillAction;
import de.rub.nds.tlsattacker.core.workflow.action.ReceivingAction;
import de.rub.nds.tlsattacker.core.workflow.action.SendAction;
import de.rub.nds.tlsattacker.core.workflow.action.executor.WorkflowExecutorType;
import de.rub.nds.tlsattacker.transport.TransportHandlerType;
import java.nio.charset.StandardCharsets;
import java.security.Security;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * One handshake with TLS_PSK_WITH_AES_128_CCM_8, an honest or a hostile one, and what the server answered. Arguments: the
 * server's port on 127.0.0.1, PSK identity, key as hex, name of the handshake. Prints one JSON line: {"event":"outcome",
 * "received":["HelloVerifyRequest",..], "alert":20 or null}.
 */
public final class Attacker {
    private static final int TIMEOUT_MS = 1_000;
    private static final int ENDLESS = 0xff_ff_ff;

    private Attacker() {}

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        Config config = configure(Integer.parseInt(args[0]), args[1], args[2]);
        State state = new State(config, handshake(args[3], config));
        WorkflowExecutor executor = WorkflowExecutorFactory.createWorkflowExecutor(WorkflowExecutorType.DTLS, state);
        executor.executeWorkflow();
        tell(state.getWorkflowTrace());
        System.exit(0);
    }

    private static Config configure(int port, String identity, String keyHex) {
        Config config = new Config();
        OutboundConnection connection = config.getDefaultClientConnection();
        connection.setHostname("127.0.0.1");
        connection.setIp("127.0.0.1");
        connection.setPort(port);
        connection.setTransportHandlerType(TransportHandlerType.UDP);
        connection.setTimeout(TIMEOUT_MS);
        config.setHighestProtocolVersion(ProtocolVersion.DTLS12);
        config.setDefaultSelectedProtocolVersion(ProtocolVersion.DTLS12);
        config.setDefaultLayerConfiguration(StackConfiguration.DTLS);
        config.setWorkflowExecutorType(WorkflowExecutorType.DTLS);
        config.setDefaultClientSupportedCipherSuites(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8);
        config.setDefaultSelectedCipherSuite(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8);
        config.setDefaultPSKIdentity(identity.getBytes(StandardCharsets.UTF_8));
        config.setDefaultPSKKey(HexFormat.of().parseHex(keyHex));
        config.setAddRenegotiationInfoExtension(true);
        config.setAddExtendedMasterSecretExtension(true);
        return config;
    }

    private static WorkflowTrace handshake(String name, Config config) {
        WorkflowTrace trace = new WorkflowTrace();
        if (!name.equals("invented-cookie")) {
            trace.addTlsActions(new SendAction(new ClientHelloMessage(config)), new ReceiveAction(new HelloVerifyRequestMessage()));
        }
        ClientHelloMessage hello = new ClientHelloMessage(config);
        if (name.equals("invented-cookie")) hello.setCookie(Modifiable.explicit(new byte[32]));
        if (name.equals("no-cipher-suites")) hello.setCipherSuites(Modifiable.explicit(new byte[0]));
        trace.addTlsAction(name.equals("endless-hello") ? endless(hello) : new SendAction(hello));
        trace.addTlsAction(new ReceiveTillAction(new ServerHelloDoneMessage()));
        trace.addTlsAction(new SendAction(secondFlight(name)));
        trace.addTlsAction(new GenericReceiveAction());
        if (name.equals("honest")) {
            ApplicationMessage data = new ApplicationMessage();
            data.setData(Modifiable.explicit("here".getBytes(StandardCharsets.UTF_8)));
            trace.addTlsAction(new SendAction(data));
        }
        if (name.equals("renegotiation")) {
            trace.addTlsActions(new SendAction(new ClientHelloMessage(config)), new GenericReceiveAction());
        }
        return trace;
    }

    /** Announces more than will ever come. */
    private static SendAction endless(ClientHelloMessage hello) {
        DtlsHandshakeMessageFragment fragment = new DtlsHandshakeMessageFragment();
        fragment.setLength(Modifiable.explicit(ENDLESS));
        SendAction action = new SendAction(hello);
        action.setConfiguredDtlsHandshakeMessageFragments(List.of(fragment));
        return action;
    }

    private static List<ProtocolMessage> secondFlight(String name) {
        FinishedMessage finished = new FinishedMessage();
        if (name.equals("wrong-finished")) finished.setVerifyData(Modifiable.xor(new byte[] {1}, 0));
        return switch (name) {
            case "no-change-cipher-spec" -> List.of(new PskClientKeyExchangeMessage(), finished);
            case "early-change-cipher-spec" -> List.of(new ChangeCipherSpecMessage(), new PskClientKeyExchangeMessage(), finished);
            case "no-key-exchange" -> List.of(new ChangeCipherSpecMessage(), finished);
            case "early-data" -> List.of(new ApplicationMessage());
            default -> List.of(new PskClientKeyExchangeMessage(), new ChangeCipherSpecMessage(), finished);
        };
    }

    private static void tell(WorkflowTrace trace) {
        List<String> names = new ArrayList<>();
        String alert = "null";
        for (ReceivingAction action : trace.getReceivingActions()) {
            if (action.getReceivedMessages() == null) continue;
            for (ProtocolMessage message : action.getReceivedMessages()) {
                names.add(message.getClass().getSimpleName().replace("Message", ""));
                if (message instanceof AlertMessage told && told.getDescription() != null) {
                    alert = String.valueOf(told.getDescription().getValue() & 0xff);
                }
            }
        }
        String received = names.stream().map(name -> '"' + name + '"').collect(Collectors.joining(","));
        System.out.println("{\"event\":\"outcome\",\"received\":[" + received + "],\"alert\":" + alert + "}");
        System.out.flush();
    }
}
