{{/* Only named callers come in; only named peers and dependencies, and DNS, are reached. */}}
{{- define "base.networkpolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{- include "base.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels: {{- include "base.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- if and .Values.calledBy .Values.ports.grpc }}
    - from: {{- include "base.pods" .Values.calledBy | nindent 8 }}
      ports: [{port: grpc, protocol: TCP}]
    {{- end }}
    {{- if .Values.ports.metrics }}
    - ports: [{port: metrics, protocol: TCP}]
      {{- with .Values.networkPolicy.metricsFrom }}
      from: {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
    {{- if and .Values.ports.http (eq .Values.component "edge") }}
    - ports: [{port: http, protocol: TCP}]
      {{- with .Values.networkPolicy.httpFrom }}
      from: {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
    {{- with .Values.networkPolicy.extraIngress }}{{ tpl (toYaml .) $ | nindent 4 }}{{ end }}
  egress:
    - to: [{namespaceSelector: {}}]
      ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
    {{- with .Values.peers }}
    - to: {{- include "base.pods" . | nindent 8 }}
      ports: [{port: 50051, protocol: TCP}]
    {{- end }}
    {{- with and .Values.chassis (include "base.nonzero" .Values.networkPolicy.dependencies | fromYaml) }}
    - ports:
        {{- range $name, $port := . }}
        - {port: {{ $port }}, protocol: TCP}
        {{- end }}
      {{- with $.Values.networkPolicy.dependenciesTo }}
      to: {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
    {{- with .Values.networkPolicy.extraEgress }}{{ tpl (toYaml .) $ | nindent 4 }}{{ end }}
{{- end -}}

{{/* Pods of these services, whichever release they belong to. Argument: list of chart names. */}}
{{- define "base.pods" -}}
- podSelector:
    matchLabels: {app.kubernetes.io/part-of: mingjian}
    matchExpressions:
      - {key: app.kubernetes.io/name, operator: In, values: {{ toJson . }}}
{{- end -}}
