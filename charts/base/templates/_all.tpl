{{/* Everything one service needs. A service's templates/all.yaml is this one include. */}}
{{- define "base.all" -}}
{{- $given := omit .Values "base" -}}
{{- $values := include "base.merged" (dict "defaults" .Values.base "given" $given) | fromYaml -}}
{{- with $values.profile -}}
  {{- if not (hasKey $values.profiles .) -}}
    {{- fail (printf "%s: profile %q is not one of %s" $.Chart.Name . (keys $values.profiles | sortAlpha | join ", ")) -}}
  {{- end -}}
  {{- $values = include "base.merged" (dict "defaults" $values "given" (index $values.profiles .)) | fromYaml -}}
{{- end -}}
{{- $values = set $values "ports" (include "base.nonzero" $values.ports | fromYaml) -}}
{{- $service := dict "Chart" .Chart "Release" .Release "Capabilities" .Capabilities "Template" .Template "Values" $values -}}
{{- if $values.enabled -}}
{{ include "base.serviceaccount" $service }}
---
{{ include "base.configmap" $service }}
---
{{ include "base.deployment" $service }}
---
{{ include "base.service" $service }}
---
{{ include "base.poddisruptionbudget" $service }}
{{- if $values.networkPolicy.enabled }}
---
{{ include "base.networkpolicy" $service }}
{{- end }}
{{- if and $values.persistence.enabled (not $values.persistence.existingClaim) }}
---
{{ include "base.persistentvolumeclaim" $service }}
{{- end }}
{{- if $values.ingress.enabled }}
---
{{ include "base.ingress" $service }}
{{- end }}
{{- if $values.autoscaling.enabled }}
---
{{ include "base.scaledobject" $service }}
{{- end }}
{{- if $values.metrics.serviceMonitor.enabled }}
---
{{ include "base.servicemonitor" $service }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* A map without what is 0: Helm lets no chart take out a default by null. */}}
{{- define "base.nonzero" -}}
{{- range $key, $value := . }}
{{- if $value }}
{{ $key }}: {{ $value }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Deep merge that lets false, "" and 0 win over a default: sprig's merge functions do not. */}}
{{- define "base.merged" -}}
{{- $result := deepCopy .defaults -}}
{{- range $key, $value := .given -}}
  {{- if and (kindIs "map" $value) (kindIs "map" (get $result $key)) -}}
    {{- $result = set $result $key (include "base.merged" (dict "defaults" (get $result $key) "given" $value) | fromYaml) -}}
  {{- else -}}
    {{- $result = set $result $key $value -}}
  {{- end -}}
{{- end -}}
{{- toYaml $result -}}
{{- end -}}
