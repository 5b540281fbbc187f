// SPDX-License-Identifier: ISC
#include "app/command.h"
#include "app/sendmail.h"

int main(int argc, char **argv)
{
    int code;

    return sendmail_main(argc, argv, &code) ? code : command_main(argc, argv);
}
