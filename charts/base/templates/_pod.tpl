{{- define "base.pod" -}}
serviceAccountName: {{ include "base.name" . }}
automountServiceAccountToken: false
{{- /* Service links would inject variables such as ASR_PORT, which settings could mistake for their own. */}}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .Values.shutdown.graceSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.topologySpread }}
topologySpreadConstraints:
  {{- range . }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "base.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- with .Values.initContainers }}
initContainers:
  {{- range . }}
  - {{- toYaml (omit . "args" "env") | nindent 4 }}
    image: {{ include "base.reference" (list $ (get $.Values.initImages .name | default $.Values.image)) }}
    {{- with .args }}
    args: {{- tpl (toYaml .) $ | nindent 6 }}
    {{- end }}
    {{- with .env }}
    env: {{- tpl (toYaml .) $ | nindent 6 }}
    {{- end }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    securityContext: {{- include "base.containersecurity" $ | nindent 6 }}
  {{- end }}
{{- end }}
containers:
  - name: {{ .Chart.Name }}
    image: {{ include "base.image" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    securityContext: {{- include "base.containersecurity" . | nindent 6 }}
    ports:
      {{- range $name, $port := .Values.ports }}
      - {name: {{ $name }}, containerPort: {{ $port }}, protocol: TCP}
      {{- end }}
    startupProbe: {{- include "base.probe" (list . "ready" .Values.probes.startup) | nindent 6 }}
    readinessProbe: {{- include "base.probe" (list . "ready" .Values.probes.readiness) | nindent 6 }}
    livenessProbe: {{- include "base.probe" (list . "live" .Values.probes.liveness) | nindent 6 }}
    {{- /* The sleep keeps the pod serving until endpoints and clients have forgotten it. */}}
    lifecycle:
      preStop: {sleep: {seconds: {{ .Values.shutdown.preStopSeconds }}}}
    envFrom:
      - configMapRef: {name: {{ include "base.name" . }}}
    {{- with include "base.secrets" . | fromYaml }}
    env:
      {{- range $name, $from := . }}
      - name: {{ $name }}
        valueFrom:
          secretKeyRef: {name: {{ $from.secret | default $.Values.global.existingSecret }}, key: {{ $from.key }}, optional: {{ $from.optional | default false }}}
      {{- end }}
    {{- end }}
    resources: {{- toYaml .Values.resources | nindent 6 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      {{- if .Values.persistence.enabled }}
      - {name: data, mountPath: {{ .Values.persistence.mountPath }}}
      {{- end }}
      {{- with .Values.volumeMounts }}{{ toYaml . | nindent 6 }}{{ end }}
volumes:
  - {name: tmp, emptyDir: {sizeLimit: {{ .Values.tmpSize }}}}
  {{- if .Values.persistence.enabled }}
  - name: data
    persistentVolumeClaim: {claimName: {{ .Values.persistence.existingClaim | default (include "base.name" .) }}}
  {{- end }}
  {{- with .Values.volumes }}{{ tpl (toYaml .) $ | nindent 2 }}{{ end }}
{{- end -}}

{{/* Environment variable -> {key, secret, optional}. Every service signs who is calling; NATS_URL is secret where it carries a password. */}}
{{- define "base.secrets" -}}
{{- $secrets := dict -}}
{{- if .Values.chassis -}}
  {{- $secrets = dict "IDENTITY_KEY" (dict "key" "identity-key") -}}
  {{- with .Values.global.natsUrlKey }}{{ $secrets = set $secrets "NATS_URL" (dict "key" .) }}{{ end -}}
{{- end -}}
{{- range $name, $ref := .Values.secrets -}}
  {{- $secrets = set $secrets $name (kindIs "string" $ref | ternary (dict "key" $ref) $ref) -}}
{{- end -}}
{{- toYaml $secrets -}}
{{- end -}}

{{- define "base.containersecurity" -}}
runAsNonRoot: true
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Arguments: context, "ready" or "live", the probe's timing. */}}
{{- define "base.probe" -}}
{{- $context := index . 0 -}}{{- $probes := $context.Values.probes -}}
{{- $port := get $context.Values.ports $probes.port | required (printf "%s: probes.port %q is not one of ports" $context.Chart.Name $probes.port) -}}
{{- if eq $probes.kind "grpc" -}}
grpc: {port: {{ $port }}}
{{- else -}}
httpGet: {port: {{ $port }}, path: {{ eq (index . 1) "ready" | ternary $probes.readyPath $probes.livePath }}}
{{- end }}
{{ toYaml (index . 2) }}
{{- end -}}
