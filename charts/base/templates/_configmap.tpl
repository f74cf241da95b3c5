{{/* The environment that is no secret. Later lines of the merge win: chassis, peers, global.env, env. */}}
{{- define "base.environment" -}}
{{- $env := dict -}}
{{- if .Values.chassis -}}
  {{- /* Seconds left for running work: the pod's grace without the preStop sleep and a margin for closing connections. */}}
  {{- $env = dict "OTEL_SERVICE_NAME" .Chart.Name "STOP_GRACE_S" (sub (sub .Values.shutdown.graceSeconds .Values.shutdown.preStopSeconds) 10) -}}
  {{- with .Values.ports.grpc }}{{ $env = set $env "GRPC_ADDRESS" (printf "[::]:%v" .) }}{{ end -}}
  {{- with .Values.ports.metrics }}{{ $env = set $env "METRICS_ADDRESS" (printf "0.0.0.0:%v" .) }}{{ end -}}
  {{- with .Values.ports.http }}{{ $env = set $env "HTTP_ADDRESS" (printf "0.0.0.0:%v" .) }}{{ end -}}
  {{- range .Values.peers -}}
    {{- $env = set $env (printf "%s_ADDRESS" (upper .)) (printf "%s%s:50051" $.Values.global.namePrefix .) -}}
  {{- end -}}
  {{- range $name, $value := .Values.global.env }}{{ $env = set $env $name $value }}{{ end -}}
{{- end -}}
{{- range $name, $value := .Values.env }}{{ $env = set $env $name $value }}{{ end -}}
{{- range $name, $value := $env }}
{{ $name }}: {{ tpl (toString $value) $ | quote }}
{{- end -}}
{{- end -}}

{{- define "base.configmap" -}}
apiVersion: v1
kind: ConfigMap
metadata: {{- include "base.metadata" . | nindent 2 }}
data:
  {{- include "base.environment" . | trim | default "{}" | nindent 2 }}
{{- end -}}
