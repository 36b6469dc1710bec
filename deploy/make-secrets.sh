#!/bin/sh
# Makes the secrets of docker-compose.yml in ./secrets; keeps those that are there.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p "${SECRETS:=secrets}"

keep() {  # NAME COMMAND...: what the command prints becomes the secret
    file=$SECRETS/$1; shift
    [ -s "$file" ] && return
    "$@" > "$file"
    # Containers read it as another user; the folder keeps everybody else out.
    chmod 444 "$file"
    echo "made $file"
}

keep secret_key openssl rand -hex 32
keep field_keys openssl rand -hex 32
keep database_password openssl rand -hex 24
keep database_url printf 'postgres://portal:%s@database:5432/portal\n' \
    "$(cat "$SECRETS/database_password")"
mkdir -p tls
echo "Keep a copy of $SECRETS/field_keys apart from the database's backups:"
echo "without it, what is encrypted there cannot be read by anyone."
