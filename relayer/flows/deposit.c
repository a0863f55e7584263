#include "relayer/flows/deposit.h"

enum deposit_fit deposit_decide(size_t candidates)
{
    if (candidates == 1)
        return DEPOSIT_FITS_ONE;
    return candidates == 0 ? DEPOSIT_FITS_NONE : DEPOSIT_FITS_SEVERAL;
}

const char *deposit_reason(enum deposit_fit fit)
{
    switch (fit) {
    case DEPOSIT_FITS_ONE:
        return 0;
    case DEPOSIT_FITS_NONE:
        return "no open payment of this CLABE has this amount";
    case DEPOSIT_FITS_SEVERAL:
        return "several open payments of this CLABE have this amount";
    }
    return 0;
}
