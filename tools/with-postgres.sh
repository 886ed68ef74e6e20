#!/bin/sh
# Runs a command with a PostgreSQL of its own; VIREO_TEST_POSTGRES says where. with-postgres.sh COMMAND …
set -eu

bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
dir=$(mktemp -d /tmp/vpgXXXXXX)
as=""
if [ "$(id -u)" = 0 ]; then
  # PostgreSQL refuses to run as root.
  chown postgres "$dir"
  as="runuser -u postgres --"
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

finish() {
  (cd / && $as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1) || true
  rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

cd_back=$(pwd)
cd /
$as "$bin/initdb" -D "$dir/data" -U vireo -A trust --no-sync >/dev/null
$as "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w \
  -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$dir -c fsync=off -c max_connections=200" start >/dev/null
cd "$cd_back"
export VIREO_TEST_POSTGRES="postgres://vireo@127.0.0.1:$port"
"$@"
