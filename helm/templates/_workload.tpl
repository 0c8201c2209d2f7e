{{/*
What each service is made of. Each takes (dict "component" NAME "values" VALUES "env" TEXT "ports" TEXT "mounts" LIST)
merged with the root; "mounts" has {name, secret}, {name, configMap} or {name, claim, at, writable}.
*/}}
{{- define "lwm2m.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "lwm2m.name" . }}
  labels: {{- include "lwm2m.labels" . | nindent 4 }}
spec:
  {{- if eq .values.autoscaling.kind "none" }}
  replicas: {{ .values.replicas }}
  {{- end }}
  # A new pod takes over before an old one goes: no device and no caller meets a gap.
  strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
  minReadySeconds: 5
  selector: { matchLabels: { {{ include "lwm2m.selector" . | replace "\n" ", " }} } }
  template: {{- include "lwm2m.pod" . | nindent 4 }}
{{- end -}}

{{/* Where devices come: coap in a lab, coaps where there are secrets. The container's ports have the same names. */}}
{{- define "lwm2m.deviceService" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "lwm2m.name" . }}
  labels: {{- include "lwm2m.labels" . | nindent 4 }}
  {{- with .values.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .values.service }}
  type: {{ .type }}
  {{- if ne .type "ClusterIP" }}
  externalTrafficPolicy: {{ .externalTrafficPolicy }}
  {{- end }}
  {{- if and (eq .type "LoadBalancer") .loadBalancerClass }}
  loadBalancerClass: {{ .loadBalancerClass }}
  {{- end }}
  ipFamilyPolicy: {{ .ipFamilyPolicy }}
  # A device comes to the pod that knows it.
  sessionAffinity: ClientIP
  sessionAffinityConfig: { clientIP: { timeoutSeconds: {{ .sessionAffinitySeconds }} } }
  {{- end }}
  selector: {{- include "lwm2m.selector" . | nindent 4 }}
  ports:
    {{- range $name, $on := dict "coap" .Values.noSec "coaps" .Values.secrets.master.existingSecret }}
    {{- if $on }}
    - name: {{ $name }}
      protocol: UDP
      port: {{ index $.values.service (printf "%sPort" $name) }}
      targetPort: {{ $name }}
      {{- with index $.values.service.nodePorts $name }}
      nodePort: {{ . }}
      {{- end }}
    {{- end }}
    {{- end }}
{{- end -}}

{{- define "lwm2m.devicePorts" -}}
{{- if .Values.noSec }}
- { name: coap, containerPort: {{ .coap }}, protocol: UDP }
{{- end }}
{{- if .Values.secrets.master.existingSecret }}
- { name: coaps, containerPort: {{ .coaps }}, protocol: UDP }
{{- end }}
{{- end -}}

{{/* Where callers of REST come; "rest" has its values. */}}
{{- define "lwm2m.restService" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "lwm2m.restName" . }}
  labels: {{- include "lwm2m.labels" . | nindent 4 }}
  {{- with .rest.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .rest.type }}
  selector: {{- include "lwm2m.selector" . | nindent 4 }}
  ports: [{ name: http, port: {{ .rest.port }}, targetPort: http, protocol: TCP }]
{{- end -}}

{{/* The Secrets of .Values.secrets with these names that are set, as mounts in JSON: (dict "names" LIST) merged with the root. */}}
{{- define "lwm2m.secretMounts" -}}
{{- $mounts := list -}}
{{- range .names -}}
{{- $name := . -}}
{{- with (index $.Values.secrets ($name | camelcase | untitle)).existingSecret }}{{ $mounts = append $mounts (dict "name" $name "secret" .) }}{{ end -}}
{{- end -}}
{{- toJson $mounts -}}
{{- end -}}

{{- define "lwm2m.volumeMounts" -}}
{{- range . }}
- { name: {{ .name }}, mountPath: {{ .at | default (printf "/etc/lwm2m/%s" .name) }}, readOnly: {{ not .writable }} }
{{- end }}
{{- end -}}

{{- define "lwm2m.volumes" -}}
{{- range . }}
{{- if .claim }}
- { name: {{ .name }}, persistentVolumeClaim: { claimName: {{ .claim }} } }
{{- else if .configMap }}
- { name: {{ .name }}, configMap: { name: {{ .configMap }} } }
{{- else }}
- { name: {{ .name }}, secret: { secretName: {{ .secret }}, defaultMode: 288 } }
{{- end }}
{{- end }}
{{- end -}}

{{- define "lwm2m.pod" -}}
{{- $mounts := concat .mounts (include "lwm2m.brokerMounts" . | fromJsonArray) -}}
metadata:
  labels:
    {{- include "lwm2m.labels" . | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  {{- with .values.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "lwm2m.name" . }}
  automountServiceAccountToken: false
  # A Service named lwm2m-… would inject LWM2M_* variables, which the configuration refuses.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
  {{- if .values.hostNetwork }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  securityContext: {{- include "lwm2m.podSecurity" . | nindent 4 }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector: { matchLabels: { {{ include "lwm2m.selector" $ | replace "\n" ", " }} } }
    {{- end }}
  {{- with .values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "lwm2m.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [services/{{ .component }}/dist/main.js]
      env:
        {{- include "lwm2m.env" . | nindent 8 }}
        {{- with .env }}{{ . | nindent 8 }}{{- end }}
      ports:
        {{- .ports | nindent 8 }}
        - { name: http, containerPort: 8080, protocol: TCP }
      # Where a whole node starts at once, a process takes half a minute.
      startupProbe: { httpGet: { path: /health/live, port: http }, periodSeconds: 1, failureThreshold: 180 }
      livenessProbe: { httpGet: { path: /health/live, port: http }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }
      readinessProbe: { httpGet: { path: /health/ready, port: http }, periodSeconds: 5, timeoutSeconds: 4, failureThreshold: 2 }
      {{- with .values.drainSeconds }}
      # The pod leaves its Services first; what was sent to it meanwhile is still answered.
      lifecycle: { preStop: { sleep: { seconds: {{ . }} } } }
      {{- end }}
      resources: {{- toYaml .values.resources | nindent 8 }}
      securityContext: {{- include "lwm2m.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - { name: tmp, mountPath: /tmp }
        {{- include "lwm2m.volumeMounts" $mounts | nindent 8 }}
  volumes:
    - { name: tmp, emptyDir: { sizeLimit: 64Mi } }
    {{- include "lwm2m.volumes" $mounts | nindent 4 }}
{{- end -}}
