export { lockUser, lockUserForDeletion } from '../database/lock-user.ts'
