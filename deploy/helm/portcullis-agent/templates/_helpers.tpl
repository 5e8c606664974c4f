{{- define "portcullis-agent.labels" -}}
app.kubernetes.io/name: portcullis-agent
{{- end }}

{{/* Where the node itself reaches what listens at `healthListen.host`. */}}
{{- define "portcullis-agent.probe" -}}
{{- $host := .Values.healthListen.host -}}
host: {{ eq $host "0.0.0.0" | ternary "127.0.0.1" (eq $host "[::]" | ternary "::1" (trimAll "[]" $host)) | quote }}
port: {{ .Values.healthListen.port }}
{{- end }}
