#!/bin/sh
# Fetches the Hibernate of OMERO's servers, with what it needs, from Maven Central: fetch-jars.sh FOLDER
set -eu
central=https://repo1.maven.org/maven2
mkdir -p "$1"
while read -r sum path; do
  file=$1/${path##*/}
  echo "$sum  $file" | sha256sum -c --status 2> /dev/null && continue
  curl -fsS --retry 3 -o "$file.part" "$central/$path"
  echo "$sum  $file.part" | sha256sum -c --quiet
  mv "$file.part" "$file"
done << 'END'
df74f330d36526ff9e717731fd855152fcff51618f0b5785d0049022f89d568b antlr/antlr/2.7.6/antlr-2.7.6.jar
c1547d185ba6880bcc2da261c5f7533512b6ffdbbc1898db5b793c0cb830fcf0 commons-collections/commons-collections/3.1/commons-collections-3.1.jar
593552ffea3c5823c6602478b5002a7c525fd904a3c44f1abe4065c22edfac73 dom4j/dom4j/1.6.1/dom4j-1.6.1.jar
b9abf4d76da72dc06a24399ebd9e55a7ab2e58d53ca766e7fd562c32fde45464 org/hibernate/hibernate-commons-annotations/3.2.0.Final/hibernate-commons-annotations-3.2.0.Final.jar
99abcfa253d24c2c3ee3c146927dc72afdc21e84b658b2632dc685ed1ff3094f org/hibernate/hibernate-core/3.6.10.Final/hibernate-core-3.6.10.Final.jar
bacfb6460317d421aa2906d9e63c293b69dc1a5dac480d0f6416df50796a4bb3 org/hibernate/javax/persistence/hibernate-jpa-2.0-api/1.0.1.Final/hibernate-jpa-2.0-api-1.0.1.Final.jar
3f5780dacb4b28ad147100f74361bb338a45069d8034b24735bb8292d2856614 javassist/javassist/3.12.1.GA/javassist-3.12.1.GA.jar
b8ec163b4a47bad16f9a0b7d03c3210c6b0a29216d768031073ac20817c0ba50 javax/transaction/jta/1.1/jta-1.1.jar
d849d117fc3798838c6cd42db6a7ecf6d9ae050c3997417b8e4e251e592b1d3e org/slf4j/slf4j-api/1.6.1/slf4j-api-1.6.1.jar
e82aa2cc464b016a05fc7347edfd9bb7c75d3beebbb9b037e1cc175dd0d287fc org/slf4j/slf4j-nop/1.6.1/slf4j-nop-1.6.1.jar
END
