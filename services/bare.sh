#!/bin/sh
# Take out of a Python base image what installs or builds, and add the user that everything runs as.
# The result is copied into an empty image, so that no layer still carries what is removed here.
set -eu
# Debian's own Python comes in packages; python.org's images hold pip as plain files.
if dpkg-query -W python3-pip >/dev/null 2>&1; then
    apt-get purge -qq -y python3-pip python3-venv 'python3.*-venv' python3-pip-whl python3-setuptools-whl python3-wheel python3-setuptools >/dev/null 2>&1
fi
python3 - <<'EOF'
import pathlib, shutil, sysconfig

stdlib, site = (pathlib.Path(sysconfig.get_path(kind)) for kind in ("stdlib", "purelib"))
installers = ("pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack")
found = [stdlib / "ensurepip", *(site / name for name in installers), *(i for name in installers for i in site.glob(f"{name}-*.dist-info"))]
for folder in found:
    shutil.rmtree(folder, ignore_errors=True)
(site / "distutils-precedence.pth").unlink(missing_ok=True)
EOF
rm -rf /usr/local/bin/pip* /usr/local/bin/wheel /usr/share/python-wheels /usr/share/man /usr/share/info \
       /var/lib/apt/lists/* /var/cache/* /var/log/* "${HOME:-/}/.cache" /tmp/*
find /usr/share/doc -type f ! -name copyright -delete
echo 'mingjian:x:10001:10001:Mingjian:/tmp:/usr/sbin/nologin' >> /etc/passwd
echo 'mingjian:x:10001:' >> /etc/group
