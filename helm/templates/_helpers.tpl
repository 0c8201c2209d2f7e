{{- define "lwm2m.name" -}}
{{- printf "%s-%s" .Release.Name .component | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The services that are on, as JSON. The values of firmware-orchestrator are those of firmwareOrchestrator. */}}
{{- define "lwm2m.components" -}}
{{- $on := list -}}
{{- range list "edge" "registry" "bootstrap" "firmware-orchestrator" -}}
{{- if (index $.Values (. | camelcase | untitle)).enabled }}{{ $on = append $on . }}{{ end -}}
{{- end -}}
{{- toJson $on -}}
{{- end -}}

{{/* The Service that serves REST of a component: bootstrap's own name is that of its Service for devices. */}}
{{- define "lwm2m.restName" -}}
{{- if eq .component "bootstrap" -}}{{ include "lwm2m.name" (merge (dict "component" "bootstrap-rest") .) }}
{{- else -}}{{ include "lwm2m.name" . }}{{- end -}}
{{- end -}}

{{- define "lwm2m.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "lwm2m.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "lwm2m.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ printf "%s@%s" .repository .digest }}{{- else -}}{{ printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* Pod Security "restricted". */}}
{{- define "lwm2m.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "lwm2m.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "lwm2m.redisHost" -}}{{ include "lwm2m.name" (merge (dict "component" "redis") .) }}{{- end -}}
{{- define "lwm2m.kafkaHost" -}}{{ include "lwm2m.name" (merge (dict "component" "kafka") .) }}{{- end -}}

{{- define "lwm2m.brokers" -}}
{{- if .Values.kafka.bundled.enabled -}}{{ include "lwm2m.kafkaHost" . }}:9092
{{- else if .Values.kafka.strimzi.enabled -}}{{ .Release.Name }}-kafka-bootstrap:9092
{{- else -}}{{ join "," .Values.kafka.brokers }}{{- end -}}
{{- end -}}

{{/* Secrets of all pods that reach Redis and Kafka, and where they are mounted, as "lwm2m.volumes" takes them, in JSON. */}}
{{- define "lwm2m.brokerMounts" -}}
{{- $mounts := list -}}
{{- with .Values.kafka.tls.ca.existingSecret }}{{ $mounts = append $mounts (dict "name" "kafka-ca" "secret" .) }}{{ end -}}
{{- with .Values.kafka.tls.clientCertificate.existingSecret }}{{ $mounts = append $mounts (dict "name" "kafka-client" "secret" .) }}{{ end -}}
{{- with .Values.kafka.sasl.password.existingSecret }}{{ $mounts = append $mounts (dict "name" "kafka-password" "secret" .) }}{{ end -}}
{{- with .Values.kafka.sasl.token.existingSecret }}{{ $mounts = append $mounts (dict "name" "kafka-token" "secret" .) }}{{ end -}}
{{- with .Values.redis.password.existingSecret }}{{ $mounts = append $mounts (dict "name" "redis-password" "secret" .) }}{{ end -}}
{{- with .Values.redis.tls.ca.existingSecret }}{{ $mounts = append $mounts (dict "name" "redis-ca" "secret" .) }}{{ end -}}
{{- with .Values.redis.tls.clientCertificate.existingSecret }}{{ $mounts = append $mounts (dict "name" "redis-client" "secret" .) }}{{ end -}}
{{- toJson $mounts -}}
{{- end -}}

{{- define "lwm2m.kafkaAccess" -}}
{{- with .Values.kafka.tls }}
{{- if .enabled }}
- { name: LWM2M_KAFKA_TLS, value: "on" }
{{- if .ca.existingSecret }}
- { name: LWM2M_KAFKA_CA_FILE, value: {{ printf "/etc/lwm2m/kafka-ca/%s" .ca.key | quote }} }
{{- end }}
{{- if .clientCertificate.existingSecret }}
- { name: LWM2M_KAFKA_CERTIFICATE_FILE, value: /etc/lwm2m/kafka-client/tls.crt }
- { name: LWM2M_KAFKA_KEY_FILE, value: /etc/lwm2m/kafka-client/tls.key }
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.kafka.sasl }}
{{- if ne .mechanism "off" }}
- { name: LWM2M_KAFKA_SASL, value: {{ .mechanism | quote }} }
{{- end }}
{{- if .username }}
- { name: LWM2M_KAFKA_USERNAME, value: {{ .username | quote }} }
{{- end }}
{{- if .password.existingSecret }}
- { name: LWM2M_KAFKA_PASSWORD_FILE, value: {{ printf "/etc/lwm2m/kafka-password/%s" .password.key | quote }} }
{{- end }}
{{- if .token.existingSecret }}
- { name: LWM2M_KAFKA_TOKEN_FILE, value: {{ printf "/etc/lwm2m/kafka-token/%s" .token.key | quote }} }
{{- end }}
{{- end }}
{{- end -}}

{{- define "lwm2m.redisAccess" -}}
{{- with .Values.redis }}
{{- if .username }}
- { name: LWM2M_REDIS_USERNAME, value: {{ .username | quote }} }
{{- end }}
{{- if .password.existingSecret }}
- { name: LWM2M_REDIS_PASSWORD_FILE, value: {{ printf "/etc/lwm2m/redis-password/%s" .password.key | quote }} }
{{- end }}
{{- if .tls.ca.existingSecret }}
- { name: LWM2M_REDIS_CA_FILE, value: {{ printf "/etc/lwm2m/redis-ca/%s" .tls.ca.key | quote }} }
{{- end }}
{{- if .tls.clientCertificate.existingSecret }}
- { name: LWM2M_REDIS_CERTIFICATE_FILE, value: /etc/lwm2m/redis-client/tls.crt }
- { name: LWM2M_REDIS_KEY_FILE, value: /etc/lwm2m/redis-client/tls.key }
{{- end }}
{{- if .tls.serverName }}
- { name: LWM2M_REDIS_SERVER_NAME, value: {{ .tls.serverName | quote }} }
{{- end }}
{{- end }}
{{- end -}}

{{/* What every process is told of the cluster. */}}
{{- define "lwm2m.env" -}}
- name: REDIS_URL
{{- if .Values.redis.bundled.enabled }}
  value: redis://{{ include "lwm2m.redisHost" . }}:6379
{{- else if .Values.redis.existingSecret.name }}
  valueFrom: { secretKeyRef: { name: {{ .Values.redis.existingSecret.name }}, key: {{ .Values.redis.existingSecret.key }} } }
{{- else }}
  value: {{ join "," .Values.redis.urls | quote }}
{{- end }}
- name: KAFKA_BROKERS
  value: {{ include "lwm2m.brokers" . | quote }}
{{- include "lwm2m.redisAccess" . }}
{{- include "lwm2m.kafkaAccess" . }}
- name: LWM2M_KAFKA_CREATE_TOPICS
  value: {{ ternary "on" "off" .Values.kafka.topics.create | quote }}
- name: LWM2M_KAFKA_PARTITIONS
  value: {{ .Values.kafka.topics.partitions | quote }}
- name: LWM2M_KAFKA_REPLICATION_FACTOR
  value: {{ .Values.kafka.topics.replicationFactor | quote }}
- name: LWM2M_HTTP_BIND
  value: "0.0.0.0"
- name: LWM2M_LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- if .Values.secrets.master.existingSecret }}
- name: LWM2M_SECRET_KEY_FILE
  value: /etc/lwm2m/master/{{ .Values.secrets.master.key }}
{{- end }}
{{- range $name, $value := .Values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* What services with a REST side ask of their callers. */}}
{{- define "lwm2m.accessEnv" -}}
{{- if .Values.secrets.apiKeys.existingSecret }}
- name: LWM2M_API_KEYS_FILE
  value: /etc/lwm2m/api-keys/{{ .Values.secrets.apiKeys.key }}
{{- end }}
{{- with .Values.oidc }}
{{- if .issuer }}
- name: LWM2M_OIDC_ISSUER
  value: {{ .issuer | quote }}
- name: LWM2M_OIDC_AUDIENCE
  value: {{ .audience | quote }}
- name: LWM2M_OIDC_ROLES_CLAIM
  value: {{ .rolesClaim | quote }}
- name: LWM2M_OIDC_TENANT_CLAIM
  value: {{ .tenantClaim | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* How devices meet a service: DTLS, and plain CoAP in a lab. */}}
{{- define "lwm2m.deviceEnv" -}}
- name: LWM2M_NOSEC
  value: {{ ternary "on" "off" .Values.noSec | quote }}
{{- with .Values.secrets.certificate }}
{{- if .existingSecret }}
- name: LWM2M_DTLS_CERTIFICATE_FILES
  value: /etc/lwm2m/certificate/{{ .key }}{{ with .privateKey }}+/etc/lwm2m/certificate/{{ . }}{{ end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "lwm2m.authorityEnv" -}}
{{- with .Values.secrets.authority }}
{{- if .existingSecret }}
- { name: LWM2M_CA_CERTIFICATE_FILE, value: {{ printf "/etc/lwm2m/authority/%s" .key | quote }} }
{{- with .privateKey }}
- { name: LWM2M_CA_KEY_FILE, value: {{ printf "/etc/lwm2m/authority/%s" . | quote }} }
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where the packages of firmware lie: told to edges and orchestrators alike. */}}
{{- define "lwm2m.packagesEnv" -}}
{{- with .Values.firmware.storage }}
{{- if .existingClaim }}
- { name: LWM2M_FIRMWARE_DIR, value: /var/lib/lwm2m/firmware }
{{- end }}
{{- with .s3 }}
{{- if .bucket }}
- { name: LWM2M_FIRMWARE_S3_BUCKET, value: {{ .bucket | quote }} }
- { name: LWM2M_FIRMWARE_S3_REGION, value: {{ .region | quote }} }
{{- with .endpoint }}
- { name: LWM2M_FIRMWARE_S3_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- with .credentials }}
{{- if .existingSecret }}
- { name: AWS_ACCESS_KEY_ID, valueFrom: { secretKeyRef: { name: {{ .existingSecret }}, key: {{ .accessKeyId }} } } }
- { name: AWS_SECRET_ACCESS_KEY, valueFrom: { secretKeyRef: { name: {{ .existingSecret }}, key: {{ .secretAccessKey }} } } }
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "lwm2m.firmwareEnv" -}}
{{- with .Values.firmware }}
{{- with .uris }}
- { name: LWM2M_FIRMWARE_URIS, value: {{ join "," . | quote }} }
{{- end }}
{{- with .signature }}
- { name: LWM2M_FIRMWARE_SIGNATURE, value: {{ ternary "required" "optional" .required | quote }} }
{{- if .existingConfigMap }}
{{- $files := list }}
{{- range .files }}{{ $files = append $files (printf "/etc/lwm2m/signature-keys/%s" .) }}{{ end }}
- { name: LWM2M_FIRMWARE_KEY_FILES, value: {{ join "," $files | quote }} }
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
