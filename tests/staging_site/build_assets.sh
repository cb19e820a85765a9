#!/bin/sh
# Re-creates static/app.js, static/app.js.map and static/faults.js from source/*.ts.
# npm's own configuration says where packages come from.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT

npm install --prefix "$tools" --no-save --no-audit --no-fund --silent esbuild@0.28.2
cd "$here"
common="--bundle --minify --format=iife --target=es2022 --charset=utf8 --log-level=warning"
# shellcheck disable=SC2086
"$tools/node_modules/.bin/esbuild" source/app.ts $common --sourcemap --outfile=static/app.js
# The faults stay out of app.js, so that its coverage is the product's own.
# shellcheck disable=SC2086
"$tools/node_modules/.bin/esbuild" source/faults.ts $common --outfile=static/faults.js
