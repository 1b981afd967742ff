#!/usr/bin/env bash
# kubeconform 0.8.0 (Go module); Go 1.26 or later.
#
# Expected by most: `-ignore-missing-schemas`, which pipelines set for kinds without a schema, skips these kinds and no
#   others; a schema that is there and can't be used is an error that names what is wrong with it.
# Seen: a schema that is found and read, but does not compile (here: it refers to a file that is not there), counts as
#   one that is missing. Without the option the message is that no schema could be found; with it each resource of the
#   kind is skipped, and the exit code is 0. A schema that is not JSON is an error, with the option, too. Output:
#     sound schema: Valid: 0, Invalid: 1, Errors: 0, Skipped: 0; exit 1
#     not JSON: Valid: 0, Invalid: 0, Errors: 1, Skipped: 0; exit 1
#     reference to nowhere: Valid: 0, Invalid: 0, Errors: 0, Skipped: 1; exit 0
#     the same without the option: could not find schema for Service; exit 1
# Follows: a file lost from a folder of schemas stops the validation of whole kinds and nobody sees it: let the pipeline
#   check that the number of skipped resources is the expected one, or that a resource known to be invalid is refused.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOPATH="$dir/go" GOFLAGS=-modcacherw
go install github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0 2> errors || { cat errors; exit 1; }
printf 'apiVersion: v1\nkind: Service\nmetadata:\n  name: example\n' > service.yaml
mkdir schemas
location='schemas/{{.ResourceKind}}{{.KindSuffix}}.json'

# check TITLE SCHEMA PART CODE OPTION…: kubeconform's words on a Service with this schema, among them PART, and CODE.
check() {
  local title=$1 schema=$2 part=$3 expected=$4 code=0 said
  shift 4
  printf '%s' "$schema" > schemas/service-v1.json
  said=$(go/bin/kubeconform -summary -schema-location "$location" "$@" service.yaml) || code=$?
  case $said in *"$part"*) echo "$title: $part; exit $code" ;; *) echo "$title: $said" && exit 1 ;; esac
  [ "$code" = "$expected" ]
}
sound='{"type": "object", "required": ["spec"]}'
broken='{"type": "object", "required": ["spec"], "properties": {"metadata": {"$ref": "nowhere.json#/x"}}}'
count() { echo "Valid: 0, Invalid: $1, Errors: $2, Skipped: $3"; }
check 'sound schema' "$sound" "$(count 1 0 0)" 1 -ignore-missing-schemas
check 'not JSON' "${sound%?}" "$(count 0 1 0)" 1 -ignore-missing-schemas
check 'reference to nowhere' "$broken" "$(count 0 0 1)" 0 -ignore-missing-schemas
check 'the same without the option' "$broken" 'could not find schema for Service' 1
