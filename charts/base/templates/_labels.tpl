{{- define "base.name" -}}
{{ .Values.global.namePrefix }}{{ .Chart.Name }}
{{- end -}}

{{- define "base.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "base.labels" -}}
{{ include "base.selector" . }}
app.kubernetes.io/part-of: mingjian
app.kubernetes.io/component: {{ .Values.component }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "base.metadata" -}}
name: {{ include "base.name" . }}
namespace: {{ .Release.Namespace }}
labels: {{- include "base.labels" . | nindent 2 }}
{{- end -}}

{{- define "base.image" -}}
{{- include "base.reference" (list . .Values.image) -}}
{{- end -}}

{{/* Arguments: context, {repository, tag}. */}}
{{- define "base.reference" -}}
{{- $context := index . 0 -}}{{- $image := index . 1 -}}
{{- with $context.Values.global.imageRegistry }}{{ . }}/{{ end }}{{ required (printf "%s: image.repository is missing" $context.Chart.Name) $image.repository }}:{{ $image.tag | default $context.Values.global.imageTag | default $context.Chart.AppVersion }}
{{- end -}}
