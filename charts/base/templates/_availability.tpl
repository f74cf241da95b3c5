{{- define "base.poddisruptionbudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{- include "base.metadata" . | nindent 2 }}
spec:
  {{- toYaml .Values.podDisruptionBudget | nindent 2 }}
  selector:
    matchLabels: {{- include "base.selector" . | nindent 6 }}
{{- end -}}

{{- define "base.persistentvolumeclaim" -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "base.metadata" . | nindent 2 }}
  annotations: {helm.sh/resource-policy: keep}
spec:
  accessModes: [{{ .Values.persistence.accessMode }}]
  {{- with .Values.persistence.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources: {requests: {storage: {{ .Values.persistence.size }}}}
{{- end -}}

{{- define "base.scaledobject" -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{- include "base.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {name: {{ include "base.name" . }}}
  minReplicaCount: {{ .Values.autoscaling.min }}
  maxReplicaCount: {{ .Values.autoscaling.max }}
  pollingInterval: {{ .Values.autoscaling.pollingSeconds }}
  cooldownPeriod: {{ .Values.autoscaling.cooldownSeconds }}
  triggers: {{- tpl (toYaml .Values.autoscaling.triggers) . | nindent 4 }}
{{- end -}}

{{- define "base.servicemonitor" -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "base.metadata" . | nindent 2 }}
    {{- with .Values.metrics.serviceMonitor.labels }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  jobLabel: app.kubernetes.io/name
  selector:
    matchLabels: {{- include "base.selector" . | nindent 6 }}
  endpoints:
    - {port: metrics, path: /metrics, interval: {{ .Values.metrics.serviceMonitor.interval }}}
{{- end -}}
