#!/bin/sh
# The PostGIS tests start a server of their own; this finds or installs its programs.
there() {
    bin=$(pg_config --bindir 2>/dev/null)
    for folder in "$bin" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
        [ -x "$folder/initdb" ] || continue
        share=$("$folder/pg_config" --sharedir 2>/dev/null || pg_config --sharedir 2>/dev/null)
        for control in "$share/extension/postgis.control" /usr/share/postgresql/*/extension/postgis.control; do
            [ -f "$control" ] && return 0
        done
    done
    return 1
}
if there; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing PostgreSQL and PostGIS for the tests …"
    # The tests run a server of their own in a temporary folder: none is started for the system.
    mkdir -p /etc/postgresql-common
    [ -f /etc/postgresql-common/createcluster.conf ] ||
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        postgresql postgresql-postgis >/dev/null 2>&1 ||
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            postgresql "$(apt-cache search --names-only '^postgresql-[0-9]+-postgis-3$' | sort | tail -n 1 | cut -d' ' -f1)" >/dev/null
    there && exit 0
fi
cat >&2 <<'TXT'
The PostGIS tests need PostgreSQL with PostGIS and skip without it.
Install it, then run make test again:
    Debian, Ubuntu   sudo apt-get install postgresql postgresql-15-postgis-3  (its own version's number)
    Fedora           sudo dnf install postgresql-server postgis
    Arch             sudo pacman -S postgresql postgis
TXT
exit 0
