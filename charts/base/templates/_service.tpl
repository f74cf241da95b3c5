{{- define "base.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "base.metadata" . | nindent 2 }}
  {{- with .Values.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: ClusterIP
  {{- /* Headless: a gRPC client sees every replica and spreads its calls; one virtual address would pin it to one. */}}
  {{- if .Values.service.headless }}
  clusterIP: None
  {{- end }}
  selector: {{- include "base.selector" . | nindent 4 }}
  ports:
    {{- range $name, $port := .Values.ports }}
    - {name: {{ $name }}, port: {{ $port }}, targetPort: {{ $name }}, protocol: TCP}
    {{- end }}
{{- end -}}

{{- define "base.serviceaccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "base.metadata" . | nindent 2 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}

{{- define "base.ingress" -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "base.metadata" . | nindent 2 }}
  {{- with .Values.ingress.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .Values.ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .Values.ingress.tlsSecret }}
  tls: [{hosts: [{{ $.Values.ingress.host | quote }}], secretName: {{ . }}}]
  {{- end }}
  rules:
    - host: {{ required (printf "%s: ingress.host is missing" .Chart.Name) .Values.ingress.host | quote }}
      http:
        paths:
          - path: {{ .Values.ingress.path }}
            pathType: Prefix
            backend: {service: {name: {{ include "base.name" . }}, port: {name: http}}}
{{- end -}}
