#!/bin/sh
# Makes the certificates and the revocation list of this folder with OpenSSL 3. Private keys are not kept.
set -e
out=$(cd "$(dirname "$0")" && pwd); work=$(mktemp -d); cd "$work"
ec() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
ec root; ec middle; ec device
openssl req -x509 -new -key root.key -days 36500 -subj '/C=XX/O=Example/CN=Example Root' -out root.pem
printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n' > middle.ext
openssl req -new -key middle.key -subj '/O=Example/CN=Example Devices' |
  openssl x509 -req -CA root.pem -CAkey root.key -CAcreateserial -days 36500 -extfile middle.ext -out middle.pem
printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\nsubjectAltName=DNS:device-1.example,URI:urn:imei:350457790000000\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid,issuer\n' > device.ext
openssl req -new -key device.key -subj '/O=Example/CN=urn:dev:1' |
  openssl x509 -req -CA middle.pem -CAkey middle.key -CAcreateserial -days 36500 -extfile device.ext -out device.pem
touch index.txt; echo 01 > crlnumber
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=36500\n' > ca.cnf
openssl ca -config ca.cnf -cert middle.pem -keyfile middle.key -revoke device.pem
openssl ca -config ca.cnf -cert middle.pem -keyfile middle.key -gencrl -out revoked.crl.pem
openssl pkey -in device.key -pubout -out device.spki.pem
cp root.pem middle.pem device.pem device.spki.pem revoked.crl.pem "$out"; rm -rf "$work"
