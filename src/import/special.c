// SPDX-License-Identifier: ISC
//
// What a mailbox is for, by the names that mail programs give: only those that mean one thing.
#include "store/store.h"
#include "import/import.h"

// clang-format off
static const struct {
    const char *name;
    unsigned use;
} NAMES[] = {
    {"Archive", STORE_USE_ARCHIVE}, {"Archives", STORE_USE_ARCHIVE}, {"Archiv", STORE_USE_ARCHIVE},
    {"Arquivo", STORE_USE_ARCHIVE}, {"Archivo", STORE_USE_ARCHIVE},
    {"Drafts", STORE_USE_DRAFTS}, {"Draft", STORE_USE_DRAFTS}, {"Entw\xc3\xbcrfe", STORE_USE_DRAFTS},
    {"Brouillons", STORE_USE_DRAFTS}, {"Borradores", STORE_USE_DRAFTS}, {"Rascunhos", STORE_USE_DRAFTS},
    {"Bozze", STORE_USE_DRAFTS}, {"[Gmail]/Drafts", STORE_USE_DRAFTS},
    {"Junk", STORE_USE_JUNK}, {"Spam", STORE_USE_JUNK}, {"Junk E-mail", STORE_USE_JUNK},
    {"Junk Email", STORE_USE_JUNK}, {"Bulk Mail", STORE_USE_JUNK}, {"[Gmail]/Spam", STORE_USE_JUNK},
    {"Lixo Eletr\xc3\xb4nico", STORE_USE_JUNK},
    {"Sent", STORE_USE_SENT}, {"Sent Items", STORE_USE_SENT}, {"Sent Messages", STORE_USE_SENT},
    {"Sent Mail", STORE_USE_SENT}, {"sent-mail", STORE_USE_SENT}, {"[Gmail]/Sent Mail", STORE_USE_SENT},
    {"Gesendet", STORE_USE_SENT}, {"Gesendete Objekte", STORE_USE_SENT}, {"Enviados", STORE_USE_SENT},
    {"Itens Enviados", STORE_USE_SENT}, {"Envoy\xc3\xa9s", STORE_USE_SENT}, {"Inviata", STORE_USE_SENT},
    {"Trash", STORE_USE_TRASH}, {"Deleted Items", STORE_USE_TRASH}, {"Deleted Messages", STORE_USE_TRASH},
    {"Papierkorb", STORE_USE_TRASH}, {"Corbeille", STORE_USE_TRASH}, {"Papelera", STORE_USE_TRASH},
    {"Lixeira", STORE_USE_TRASH}, {"Cestino", STORE_USE_TRASH}, {"[Gmail]/Trash", STORE_USE_TRASH},
};
// clang-format on

unsigned import_special_use(struct str name)
{
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (str_case_eq(name, str_from(NAMES[i].name)))
            return NAMES[i].use;
    return 0;
}
