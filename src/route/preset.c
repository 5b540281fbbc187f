// SPDX-License-Identifier: ISC
#include "route/preset.h"

const struct route_preset route_presets[] = {
    {"gmail", "smtp.gmail.com",
     "Gmail takes no account password here: make an app password (Google account, Security, "
     "2-step verification, App passwords)."},
    {"outlook", "smtp-mail.outlook.com",
     "Outlook needs two-step verification and an app password (account.microsoft.com, Security), "
     "where the account still allows passwords for SMTP."},
    {"hotmail", "smtp-mail.outlook.com",
     "Hotmail needs two-step verification and an app password (account.microsoft.com, Security), "
     "where the account still allows passwords for SMTP."},
    {"yahoo", "smtp.mail.yahoo.com",
     "Yahoo takes no account password here: make an app password (Account security, Generate app "
     "password)."},
};
const size_t route_preset_count = sizeof route_presets / sizeof route_presets[0];

const struct route_preset *route_preset_find(struct str name)
{
    for (size_t i = 0; i < route_preset_count; i++)
        if (str_case_eq(name, str_from(route_presets[i].name)))
            return &route_presets[i];
    return NULL;
}
