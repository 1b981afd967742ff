import { Problem } from '../../data/problem.ts';
import { MEMBER_ROLES, type MemberRole } from '../../federation/card.ts';

/** `owner,analyst`; undefined where nothing was said. */
export function readRoles(written: string | undefined): readonly MemberRole[] | undefined {
  if (written === undefined) return undefined;
  const words = written.split(',').map((word) => word.trim());
  const stranger = words.find((word) => !MEMBER_ROLES.some((role) => role === word));
  if (stranger !== undefined)
    throw new Problem(`--roles: there is no role "${stranger}"`, `give some of ${MEMBER_ROLES.join(',')}`);
  return MEMBER_ROLES.filter((role) => words.includes(role));
}
