# Writes migrate_files.c: every migrations/NNNN_name.sql as bytes, with its SHA-256. Run by the build:
#   cmake -DFOLDER=migrations -DOUT=migrate_files.c -P embed.cmake
file(GLOB files ${FOLDER}/[0-9][0-9][0-9][0-9]_*.sql)
list(SORT files)
set(arrays "")
set(rows "")
foreach(path ${files})
    get_filename_component(name ${path} NAME)
    string(SUBSTRING ${name} 0 4 digits)
    string(REGEX REPLACE "^0+" "" version ${digits})
    file(READ ${path} hex HEX)
    file(SHA256 ${path} sum)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)"
           "\\1\n" bytes "${bytes}")
    string(APPEND arrays "static const char sql_${digits}[] = {\n${bytes}0x00};\n\n")
    string(APPEND rows "    {${version}, \"${name}\", sql_${digits}, \"${sum}\"},\n")
endforeach()
file(WRITE ${OUT} "/* Made from migrations/ by relayer/store/embed.cmake. */\n#include \"relayer/store/migrate.h\"\n\n"
     "${arrays}const struct migrate_file migrate_files[] = {\n${rows}};\n"
     "const size_t migrate_files_n = sizeof migrate_files / sizeof migrate_files[0];\n")
