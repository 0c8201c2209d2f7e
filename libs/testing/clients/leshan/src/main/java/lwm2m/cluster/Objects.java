package lwm2m.cluster;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.model.ResourceModel.Operations;
import org.eclipse.leshan.core.model.ResourceModel.Type;

/** What the client has besides objects 0 and 1: 3, 5, 6 and 3303, with first values that tests know. */
final class Objects {
    /** Objects made of {@link TestInstance}s. */
    static final int[] SIMPLE = {3, 5, 6, 3303};

    private Objects() {}

    /** Leshan's own core objects, and 3303, which it does not bring. */
    static List<ObjectModel> models() {
        List<ObjectModel> models = new ArrayList<>(ObjectLoader.loadDefault());
        models.add(new ObjectModel(3303, "Temperature", "", "1.0", true, false, List.of(
                resource(5601, "Min Measured Value", Operations.R, Type.FLOAT),
                resource(5602, "Max Measured Value", Operations.R, Type.FLOAT),
                resource(5605, "Reset Min and Max Measured Values", Operations.E, Type.NONE),
                resource(5700, "Sensor Value", Operations.R, Type.FLOAT),
                resource(5701, "Sensor Units", Operations.R, Type.STRING))));
        return models;
    }

    /** First values of an instance of the object. */
    static Map<Integer, Object> valuesOf(int object) {
        return switch (object) {
            case 3 -> new HashMap<>(Map.of(0, "Eclipse Leshan", 1, "Test Client", 2, "LE-1", 3, "1.0",
                    6, Map.of(0, 1L, 1, 5L), 7, Map.of(0, 3800L, 1, 5000L), 9, 100L, 15, "Europe/Paris", 16, "U"));
            case 5 -> new HashMap<>(Map.of(1, "", 3, 0L, 5, 0L, 9, 2L));
            case 6 -> new HashMap<>(Map.of(0, 48.0, 1, 2.0));
            case 3303 -> new HashMap<>(Map.of(5601, 21.5, 5602, 21.5, 5700, 21.5, 5701, "Cel"));
            default -> new HashMap<>();
        };
    }

    private static ResourceModel resource(int id, String name, Operations operations, Type type) {
        return new ResourceModel(id, name, operations, false, false, type, "", "", "");
    }
}
